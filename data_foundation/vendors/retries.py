"""Decides which errors are transient, and how long to wait before the next attempt."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Protocol

import requests
import tenacity
import urllib3
from dlt.common.destination.exceptions import DestinationTransientException
from dlt.destinations.exceptions import DatabaseException, DatabaseTransientException
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.config.limits import Retries
from data_foundation.errors import FoundationError

LONGEST_WAIT = 300.0
"""Longest wait in seconds between two attempts, even if a vendor's Retry-After is longer."""


class Clock(Protocol):
    """Time and sleep for all waits; a test passes a virtual clock on which hours pass at once."""

    def now(self) -> float:
        """Returns the time in seconds since an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Waits for `seconds`."""


class _System:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM_CLOCK: Clock = _System()
"""The machine's own clock."""

_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_PASSING = (
    ConnectionError,
    TimeoutError,
    HTTPException,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
    DestinationTransientException,
)
_PASSING_STATES = ("08", "57")
"""Classes of SQLSTATE: connection exception, and operator intervention."""
_LASTING = (FoundationError, requests.exceptions.SSLError)


def is_transient(error: BaseException) -> bool:
    """Returns whether the same load may succeed a little later.

    Transient are: an error with a number as `retry_after`; the HTTP statuses 408, 425, 429 and 5xx; connections that
    are refused, reset or time out; incomplete JSON; and a database's `OperationalError` (PEP 249). All other errors are
    final.
    """
    if own_retry_after(error) is not None:
        return True
    if isinstance(error, requests.JSONDecodeError):
        return error.doc.lstrip()[:1] in {"{", "["}  # anything else is a page in HTML or a text, and stays one
    status = http_status(error)
    if status is not None:
        return status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    cause = error.dbapi_exception if isinstance(error, DatabaseException) else error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if isinstance(state, str) and not isinstance(error, FoundationError) and state.startswith(_PASSING_STATES):
        return True
    if isinstance(error, DatabaseException):
        # dlt classes every unknown error of DuckDB as transient, even a parser error.
        names = {parent.__name__ for parent in type(error.dbapi_exception).__mro__}
        return isinstance(error, DatabaseTransientException) and "OperationalError" in names
    # None while another thread is importing httpx, too.
    transport_error = getattr(sys.modules.get("httpx"), "TransportError", None)
    passing = (*_PASSING, transport_error) if transport_error else _PASSING
    return isinstance(error, passing) and not isinstance(error, _LASTING)


def mark_repeated(error: BaseException, times: int) -> None:
    """Records in an error that its request was sent `times` times, so that the load is not repeated for it."""
    error.times_sent = times  # type: ignore[attr-defined]


def times_sent(error: BaseException) -> int:
    """Returns how often the failed request was sent. Returns 0 if its sender does not repeat requests."""
    return int(getattr(error, "times_sent", 0))


def _may_repeat(error: BaseException) -> bool:
    cause = root_cause(error)
    return is_transient(cause) and not times_sent(cause)


def own_retry_after(error: BaseException) -> float | None:
    """Returns the `retry_after` attribute of an error in seconds. Returns None if it has none."""
    seconds = getattr(error, "retry_after", None)
    return float(seconds) if isinstance(seconds, int | float) else None


def retry_after(error: BaseException) -> float:
    """Returns the seconds of the response's Retry-After header, given as a number or a date; 0 without the header."""
    headers: Mapping[str, str] = getattr(getattr(error, "response", error), "headers", None) or {}
    header = headers.get("Retry-After", "")
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max(float(parsedate_to_datetime(header).timestamp()) - time.time(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def attempts(
    retries: Retries, on_retry: Callable[[int, float, BaseException], None], clock: Clock = SYSTEM_CLOCK
) -> tenacity.Retrying:
    """Returns a tenacity object that repeats a function while it fails with a transient error.

    Args:
        retries: Number of retries, back-off and deadline.
        on_retry: Called before each retry with the number of the failed attempt, the seconds to wait, and the cause.
        clock: Clock for back-off and deadline.
    """
    started = clock.now()
    backoff = tenacity.wait_exponential_jitter(multiplier=retries.backoff, max=LONGEST_WAIT, jitter=retries.backoff / 2)

    def seconds(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        cause = root_cause(error) if error else None
        # A source that read the wait from a response knows it exactly, so only the deadline limits it.
        if cause and (own_wait := own_retry_after(cause)):
            return max(backoff(state), own_wait)
        return min(max(backoff(state), retry_after(cause) if cause else 0.0), LONGEST_WAIT)

    def before_sleep(state: tenacity.RetryCallState) -> None:
        if state.outcome and (error := state.outcome.exception()):
            on_retry(state.attempt_number, state.upcoming_sleep, root_cause(error))

    return tenacity.Retrying(
        stop=lambda state: (
            state.attempt_number > retries.max or clock.now() - started + state.upcoming_sleep >= retries.deadline
        ),
        wait=seconds,
        sleep=clock.sleep,
        retry=tenacity.retry_if_exception(_may_repeat),
        before_sleep=before_sleep,
        reraise=True,
    )


def root_cause(error: BaseException) -> BaseException:
    """Returns the error inside dlt's wrapper exceptions."""
    while True:
        inner: BaseException | None = None
        if isinstance(error, PipelineStepFailed):
            inner = error.exception
        elif isinstance(error, ResourceExtractionError):
            inner = error.__cause__
        if inner is None:
            return error
        error = inner


def http_status(error: BaseException) -> int | None:
    """Returns the HTTP status of an error of requests, httpx, urllib or aiohttp. Returns None for other errors."""
    response = getattr(error, "response", None)
    for holder, name in ((response, "status_code"), (error, "status"), (error, "code")):
        if isinstance(status := getattr(holder, name, None), int):
            return status
    return None
