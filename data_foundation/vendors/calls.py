"""HTTP requests of a source to a vendor: paced by the vendor's limits, and retried after transient errors."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import requests
from dlt.common.json import json as dlt_json

from data_foundation.config.limits import Retries
from data_foundation.process_wide.redaction import redact, remember
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.process_wide.source_log import capture_logger
from data_foundation.vendors.places import RedirectGuard
from data_foundation.vendors.responses import address, describe_answer, refuse_errors, shorten
from data_foundation.vendors.retries import SYSTEM_CLOCK, Clock, attempts, own_retry_after, retry_after

logger = logging.getLogger(__name__)

LOGGED_WAIT = 1.0
"""Seconds from which a wait for a limit is logged."""

_PAGE = re.compile("page|cursor|next|continu", re.IGNORECASE)


class Refusal(Exception):
    """A vendor refused a request; returned or raised by a source's `read` function."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Creates the error.

        Args:
            message: What was requested, what the vendor answered, and what to do.
            retry_after: Seconds after which a retry may succeed; 0.0 if unknown; None if a retry cannot succeed.
        """
        super().__init__(redact(message))
        self.retry_after = retry_after


class Calls:
    """Sends requests to one vendor.

    Requests with the same limit share its pauses, in all threads. While the vendor requires pauses, and until its
    first response, only one request runs at a time; otherwise many threads could exceed the limit together. Tokens,
    keys and secrets that a request sends are masked in all later logs and errors.

    Attributes:
        calls: Number of requests sent, including retries.
        clock: Clock for all waits.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that vendors differ in
        self,
        limit: str,
        *,
        read: Callable[[requests.Response], Refusal | None] = lambda _answer: None,
        pause: Callable[[requests.Response], float] = lambda _answer: 0.0,
        retries: int = 5,
        deadline: float = 900.0,
        timeout: float | tuple[float, float] = (5.0, 60.0),
        json: bool = True,
        session: requests.Session | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Opens no connection yet.

        Args:
            limit: Name of the limit that requests of this process share, for instance `facebook_ads/act_1`.
            read: Returns the vendor's refusal in a response of any status, or None; then the status decides.
            pause: Returns the seconds that the next request must wait after a successful response.
            retries: Number of retries after a transient refusal or error.
            deadline: Seconds for one call with all its waits; a call that would take longer fails at once.
            timeout: Seconds to connect, and between two bytes.
            json: Treat a response without valid JSON as a transient error; streamed responses are not checked.
            session: A session with its own headers, certificates or proxy. Default: one that, redirected to another
                host, sends neither headers nor body there.
            clock: Clock for all waits.
        """
        capture_logger(__name__)
        self.calls = 0
        self.clock = clock
        self._name, self._limit = limit, _limit(limit, clock)
        self._read, self._pause = read, pause
        self._retries = Retries(max=retries, backoff=1.0, deadline=deadline)
        self._timeout, self._json = timeout, json
        self._session = session or RedirectGuard()

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Returns the response to a GET request.

        Args:
            url: The complete URL.
            kwargs: Arguments of `requests.get`.

        Raises:
            Refusal: `read` returned or raised it, or the vendor requires a wait beyond the deadline.
            requests.HTTPError: The status is 400 or more, and `read` returned None.
            requests.RequestException: The vendor cannot be reached, or the connection broke.
        """
        return self._call("GET", url, kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        """Returns the response to a POST request; arguments and errors are those of `get`."""
        return self._call("POST", url, kwargs)

    def _call(self, method: str, url: str, kwargs: Mapping[str, Any]) -> requests.Response:
        _mask_secrets(kwargs)
        latest = self.clock.now() + self._retries.deadline
        try:
            return attempts(self._retries, self._on_retry, self.clock)(self._attempt, method, url, kwargs, latest)
        except Refusal as refusal:
            if not refusal.retry_after:
                raise
            message = f"{refusal}; the vendor requires a wait of {refusal.retry_after:,.0f} s, beyond the deadline"
            raise Refusal(message, retry_after=refusal.retry_after) from None

    def _attempt(self, method: str, url: str, kwargs: Mapping[str, Any], latest: float) -> requests.Response:
        with self._limit.turn(latest) as is_alone:
            self.calls += 1
            try:
                response = self._session.request(method, url, **{"timeout": self._timeout, **kwargs})
            except requests.RequestException as error:
                error.args = (redact(str(error)),)
                raise error from None
            try:
                self._check_response(response, needs_json=self._json and not kwargs.get("stream"))
            except (Refusal, requests.HTTPError) as error:
                self._limit.hold(own_retry_after(error) or 0.0)
                raise
            self._limit.record(self._pause(response), is_alone=is_alone)
            return response

    def _check_response(self, response: requests.Response, *, needs_json: bool) -> None:
        """Raises the error of a response that is a refusal or is not complete JSON."""
        is_complete = not needs_json or response.status_code == requests.codes.no_content or _is_json(response.content)
        if is_complete and (refusal := self._read(response)):
            raise refusal
        is_busy = response.status_code in {requests.codes.too_many_requests, requests.codes.service_unavailable}
        if is_busy and (seconds := retry_after(requests.HTTPError(response=response))):
            raise Refusal(describe_answer(response), retry_after=seconds)
        refuse_errors(response)
        if not is_complete:
            # Incomplete JSON may begin with rows, which may be personal data and stay out of logs.
            text = "" if response.text.lstrip()[:1] in {"{", "["} else f": {shorten(response.text)}"
            message = f"{address(response)} returned incomplete or invalid JSON{text}"
            raise ConnectionError(message)

    def _on_retry(self, number: int, seconds: float, cause: BaseException) -> None:
        if isinstance(cause, Refusal):
            self._limit.hold(seconds)
        error = redact(f"{type(cause).__name__}: {cause}")
        logger.warning("%s: attempt %d failed: %s; retrying in %.1f s", self._name, number, error, seconds)


class _Limit:
    """The state of one rate limit, shared by all requests with its name."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._turns, self._state_lock = threading.Lock(), threading.Lock()
        self._free_at = -math.inf
        # True until the first response: another process may have used up the limit.
        self._is_near = True

    @contextmanager
    def turn(self, latest: float) -> Iterator[bool]:
        """Waits until a request may be sent; yields whether it runs alone until the block ends.

        Args:
            latest: The latest time to start, by the clock.

        Raises:
            Refusal: The limit is free only after `latest`.
        """
        with ExitStack() as alone:
            alone.enter_context(self._turns)
            self._wait(latest)
            if not (is_alone := self._is_near):
                alone.close()
            yield is_alone

    def _wait(self, latest: float) -> None:
        while (seconds := self._free_at - self._clock.now()) > 0:
            if self._clock.now() + seconds > latest:
                raise Refusal(f"{self._name}: the limit is used up", retry_after=seconds)
            if seconds >= LOGGED_WAIT:
                logger.info("%s: waiting %.0f s, as the vendor requires", self._name, seconds)
            self._clock.sleep(seconds)

    def hold(self, seconds: float) -> None:
        """Makes every request wait `seconds` from now on, and then run alone."""
        with self._state_lock:
            self._is_near = True
            self._free_at = max(self._free_at, self._clock.now() + seconds)

    def record(self, pause: float, *, is_alone: bool) -> None:
        """Records the pause that a response requires; only a request that ran alone may lift the limit."""
        if pause > 0:
            self.hold(pause)
        elif is_alone:
            self._is_near = False


_limits: defaultdict[Clock, dict[str, _Limit]] = defaultdict(dict)
_finding = threading.Lock()


def _limit(name: str, clock: Clock) -> _Limit:
    """Returns the limit of a name, one for the whole process."""
    with _finding:
        return _limits[clock].setdefault(name, _Limit(name, clock))


def _is_json(content: bytes) -> bool:
    try:
        dlt_json.loadb(content)
    except ValueError:
        return False
    return True


def _mask_secrets(kwargs: Mapping[str, Any]) -> None:
    """Registers the secrets of a request, so that logs and errors mask them."""
    for part in ("params", "headers", "data", "json"):
        if isinstance(sent := kwargs.get(part), Mapping):
            # The token of a next page is not a secret, and every response has a new one.
            learn_settings({name: value for name, value in sent.items() if not _PAGE.search(str(name))})
            # `Bearer abc`: the token alone is a secret too.
            remember(str(value).rpartition(" ")[2] for name, value in sent.items() if name.lower() == "authorization")
