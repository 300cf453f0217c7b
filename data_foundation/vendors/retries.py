"""Which failures pass by themselves, and how long to wait for that."""

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

from data_foundation.config.fields import Retries
from data_foundation.errors import FoundationError

LONGEST_WAIT = 300.0
"""Seconds waited at most between two attempts, whatever a vendor's Retry-After says."""


class Clock(Protocol):
    """What waits go by; a test brings one of its own, on which an hour passes in a moment."""

    def now(self) -> float:
        """Returns seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Returns when so many seconds have passed."""


class _System:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM: Clock = _System()
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
"""Classes of SQLSTATE: a connection's trouble, and somebody's intervention."""
_LASTING = (FoundationError, requests.exceptions.SSLError)


def is_transient(error: BaseException) -> bool:
    """Tells whether the same load may succeed a little later: by what it says of itself, by status, else by class.

    What passes: an error that has a number as `retry_after`, 408, 425, 429 and 5xx of a busy server, connections that
    are refused, reset or time out, and a database that says the same of itself (`OperationalError` of PEP 249).
    Everything else fails at once.
    """
    if asked_by_itself(error) is not None:
        return True
    status = http_status(error)
    if status is not None:
        return status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    cause = error.dbapi_exception if isinstance(error, DatabaseException) else error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if isinstance(state, str) and not isinstance(error, FoundationError) and state.startswith(_PASSING_STATES):
        return True
    if isinstance(error, DatabaseException):
        # dlt takes every error of DuckDB that it does not know, a parser's for instance, for one that passes.
        names = {parent.__name__ for parent in type(error.dbapi_exception).__mro__}
        return isinstance(error, DatabaseTransientException) and "OperationalError" in names
    httpx = sys.modules.get("httpx")
    passing = (*_PASSING, httpx.TransportError) if httpx else _PASSING
    return isinstance(error, passing) and not isinstance(error, _LASTING)


def asked_by_itself(error: BaseException) -> float | None:
    """Returns the seconds after which an error says that it passes, by its `retry_after`; None where it does not."""
    seconds = getattr(error, "retry_after", None)
    return float(seconds) if isinstance(seconds, int | float) else None


def retry_after(error: BaseException) -> float:
    """Returns the seconds that a vendor asks to wait, by number or by date; 0 where it does not ask."""
    headers: Mapping[str, str] = getattr(getattr(error, "response", error), "headers", None) or {}
    asked = headers.get("Retry-After", "")
    try:
        return max(float(asked), 0.0)
    except ValueError:
        pass
    try:
        return max(float(parsedate_to_datetime(asked).timestamp()) - time.time(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def attempts(
    retries: Retries, tell: Callable[[int, float, BaseException], None], clock: Clock = SYSTEM
) -> tenacity.Retrying:
    """Returns tenacity's attempts: the next one where the last failed with something that passes.

    Args:
        retries: How often, how long apart, and until when.
        tell: Told of an attempt that failed, when there will be another: its number, the seconds until then, the cause.
        clock: What back-off and deadline go by.
    """
    started = clock.now()
    backoff = tenacity.wait_exponential_jitter(multiplier=retries.backoff, max=LONGEST_WAIT, jitter=retries.backoff / 2)

    def seconds(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        cause = root_cause(error) if error else None
        # Who took the trouble to read the wait out of an answer means it: the deadline alone ends it.
        if cause and (asked := asked_by_itself(cause)):
            return max(backoff(state), asked)
        return min(max(backoff(state), retry_after(cause) if cause else 0.0), LONGEST_WAIT)

    def told(state: tenacity.RetryCallState) -> None:
        if state.outcome and (error := state.outcome.exception()):
            tell(state.attempt_number, state.upcoming_sleep, root_cause(error))

    return tenacity.Retrying(
        stop=lambda state: (
            state.attempt_number > retries.max or clock.now() - started + state.upcoming_sleep >= retries.deadline
        ),
        wait=seconds,
        sleep=clock.sleep,
        retry=tenacity.retry_if_exception(lambda error: is_transient(root_cause(error))),
        before_sleep=told,
        reraise=True,
    )


def root_cause(error: BaseException) -> BaseException:
    """Returns what went wrong inside the wrappers that dlt puts around it."""
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
    """Returns the status that an error of requests, httpx, urllib or aiohttp carries, None for any other error."""
    response = getattr(error, "response", None)
    for holder, name in ((response, "status_code"), (error, "status"), (error, "code")):
        if isinstance(status := getattr(holder, name, None), int):
            return status
    return None
