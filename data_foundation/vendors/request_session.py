"""The session of REST clients: repeats a request after a transient error, as `retries` of the resource configure."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
from dlt.sources.helpers.requests.session import DEFAULT_TIMEOUT, Session
from typing_extensions import override

from data_foundation.config.limits import Retries
from data_foundation.process_wide.redaction import has_known_secret, redact
from data_foundation.process_wide.source_log import capture_logger
from data_foundation.vendors.places import RedirectGuard, has_secret_headers, may_receive, refuse_departure
from data_foundation.vendors.retries import (
    LONGEST_WAIT,
    SYSTEM_CLOCK,
    Clock,
    attempts,
    is_transient,
    mark_repeated,
    retry_after,
)

logger = logging.getLogger(__name__)

_repeats: ContextVar[tuple[Retries, Clock]] = ContextVar("request_repeats", default=(Retries(), SYSTEM_CLOCK))
"""Retries and clock of the running load. dlt's threads inherit it."""


_POLL_SECONDS = 0.2
"""Seconds between two checks whether a wait still has a purpose."""


class _Busy(requests.HTTPError):
    """A response whose status is that of a transient error, and which no hook refused."""


@contextmanager
def repeating(retries: Retries, clock: Clock) -> Iterator[None]:
    """Sets the retries of each request that a `RequestSession` sends in the block, and the clock of their waits."""
    token = _repeats.set((retries, clock))
    try:
        yield
    finally:
        _repeats.reset(token)


@contextmanager
def repeating_until(ended: threading.Event) -> Iterator[None]:
    """Ends the waits before a repeated request in the block, and its repetitions, as soon as the event is set."""
    retries, clock = _repeats.get()
    with repeating(retries, _EndingClock(clock, ended)):
        yield


class _EndingClock:
    """A clock whose waits end early."""

    def __init__(self, clock: Clock, ended: threading.Event) -> None:
        self._clock = clock
        self._ended = ended

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        end = self._clock.now() + seconds
        while (left := end - self._clock.now()) > 0:
            if self._ended.is_set():
                raise InterruptedError
            self._clock.sleep(min(left, _POLL_SECONDS))


class RequestSession(RedirectGuard, Session):
    """dlt's session, which repeats a request after a transient error, so that the pages before it are not read again.

    Several threads may send: where Retry-After makes one wait, all wait. An error that remains is not repeated again by
    the load. What may hold a secret is sent only to the homes of the API, and is not sent after a redirect to another
    host.
    """

    def __init__(self, *homes: str, timeout: Any = DEFAULT_TIMEOUT) -> None:
        """Opens no connection yet.

        Args:
            homes: URLs on whose hosts requests may have headers and a body; without any, on each host.
            timeout: Seconds to connect and between two bytes, or a tuple of both.
        """
        super().__init__(timeout, raise_for_status=False)
        capture_logger(__name__)
        self._homes = homes
        self._sending = threading.local()
        self._not_before = 0.0

    @override
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Returns the response to a request, or the last one if its status is still that of a transient error.

        Raises:
            EntryError: The request may hold a secret, and its URL is on another host than those of the API.
            requests.RequestException: The API cannot be reached, or a hook refuses the response.
        """
        if getattr(self._sending, "is_repeated", False):  # a redirection, which is repeated with its request
            return self._send(request, kwargs)

        self._check_home(request)

        def attempt() -> requests.Response:
            if (wait := self._not_before - clock.now()) > 0:
                clock.sleep(wait)
            response = self._send(request, kwargs)
            if is_transient(busy := _Busy(f"{response.status_code} {response.reason}", response=response)):
                raise busy
            return response

        def warn(number: int, seconds: float, cause: BaseException) -> None:
            text = redact(f"{request.method} {str(request.url).partition('?')[0]}: attempt {number} failed: {cause}")
            logger.warning("%s; retrying in %.1f s", text, seconds)
            self._not_before = max(self._not_before, clock.now() + min(retry_after(cause), LONGEST_WAIT))

        self._sending.is_repeated = True
        retries, clock = _repeats.get()
        retrying = attempts(retries, warn, clock)
        try:
            return retrying(attempt)
        except _Busy as busy:
            return busy.response
        except Exception as error:
            mark_repeated(error, retrying.statistics["attempt_number"])
            raise
        finally:
            self._sending.is_repeated = False

    def _check_home(self, request: requests.PreparedRequest) -> None:
        url = str(request.url)
        if not self._homes or any(may_receive(home, url) for home in self._homes):
            return
        for is_held, what in (
            (has_secret_headers(request.headers), "the headers"),
            (bool(request.body), "the body of the request"),
            (has_known_secret(url), "a parameter of the URL"),
        ):
            if is_held:
                raise refuse_departure(self._homes[0], url, what)

    def _send(self, request: requests.PreparedRequest, kwargs: dict[str, Any]) -> requests.Response:
        response: requests.Response = super().send(request, **kwargs)  # type: ignore[no-untyped-call] # of dlt
        return response
