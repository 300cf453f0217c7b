"""Requests to a vendor, for a source to make: paced by what it says of its limits, tried again where that helps."""

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

from data_foundation.config.fields import Retries
from data_foundation.process_wide.redaction import redact, remember
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.process_wide.source_log import hear
from data_foundation.vendors.responses import address, cut, describe_answer, refuse_errors
from data_foundation.vendors.retries import SYSTEM, Clock, asked_by_itself, attempts, retry_after

logger = logging.getLogger(__name__)

TOLD_FROM = 1.0
"""Seconds of the shortest wait for a limit that is worth a line in the log."""

_PAGE = re.compile("page|cursor|next|continu", re.IGNORECASE)


class Refusal(Exception):
    """A vendor refused a request; what a source's reading of an answer returns or raises."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Takes what the vendor says.

        Args:
            message: For a person: what was asked, what the vendor answered, what to do.
            retry_after: None where it does not pass by itself; 0.0 where it does, nobody knows when; else seconds.
        """
        super().__init__(redact(message))
        self.retry_after = retry_after


class Calls:
    """Requests to one vendor.

    Those that share a limit share its pauses, in whatever thread they are made. While the vendor asks for pauses, and
    until its first answer, they are made one at a time: so many threads that each find the limit free cannot pass it
    together. What a request sends as a token, a key or a secret is masked in every log and error from then on.

    Attributes:
        calls: How many requests were made, further attempts included.
        clock: What its waits go by.
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
        clock: Clock = SYSTEM,
    ) -> None:
        """Opens no connection yet.

        Args:
            limit: What calls share a limit by, in this process; for instance `facebook_ads/act_1`.
            read: The vendor's own reading of an answer, whatever its status: a refusal, or None. What it leaves alone
                is read by its status.
            pause: Seconds that the next call under the limit waits, by an answer that was fine.
            retries: Attempts after the first, where a refusal or a fault passes.
            deadline: Seconds that one call may take with all its waits; what would take longer fails at once.
            timeout: Seconds to connect, and between two bytes.
            json: An answer that does not hold JSON is a fault that passes; one that is streamed is not looked at.
            session: With headers, certificates or a proxy of its own.
            clock: What waits go by.
        """
        hear(__name__)
        self.calls = 0
        self.clock = clock
        self._name, self._limit = limit, _limit(limit, clock)
        self._read, self._pause = read, pause
        self._retries = Retries(max=retries, backoff=1.0, deadline=deadline)
        self._timeout, self._json = timeout, json
        self._session = session or requests.Session()

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Returns the answer to a GET that was not refused.

        Args:
            url: The whole address.
            kwargs: As `requests.get` takes them.

        Raises:
            Refusal: As `read` says, or a busy vendor that asks for more time than there is.
            requests.HTTPError: A status of 400 or more that `read` left alone.
            requests.RequestException: The vendor cannot be reached, or breaks off.
        """
        return self._call("GET", url, kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        """Returns the answer to a POST that was not refused; as `get`, which see."""
        return self._call("POST", url, kwargs)

    def _call(self, method: str, url: str, asked: Mapping[str, Any]) -> requests.Response:
        _learn(asked)
        latest = self.clock.now() + self._retries.deadline
        try:
            return attempts(self._retries, self._tell_retry, self.clock)(self._attempt, method, url, asked, latest)
        except Refusal as refusal:
            if not refusal.retry_after:
                raise
            message = f"{refusal}; the vendor asks to wait {refusal.retry_after:,.0f} s, so it was given up"
            raise Refusal(message, retry_after=refusal.retry_after) from None

    def _attempt(self, method: str, url: str, asked: Mapping[str, Any], latest: float) -> requests.Response:
        with self._limit.turn(latest) as is_alone:
            self.calls += 1
            try:
                response = self._session.request(method, url, **{"timeout": self._timeout, **asked})
            except requests.RequestException as error:
                error.args = (redact(str(error)),)
                raise error from None
            try:
                self._refuse(response, looks=self._json and not asked.get("stream"))
            except (Refusal, requests.HTTPError) as error:
                self._limit.hold(asked_by_itself(error) or 0.0)
                raise
            self._limit.answered(self._pause(response), is_alone=is_alone)
            return response

    def _refuse(self, response: requests.Response, *, looks: bool) -> None:
        """Raises what an answer refuses, or lacks."""
        is_whole = not looks or response.status_code == requests.codes.no_content or _holds_json(response.content)
        if is_whole and (refusal := self._read(response)):
            raise refusal
        is_busy = response.status_code in {requests.codes.too_many_requests, requests.codes.service_unavailable}
        if is_busy and (seconds := retry_after(requests.HTTPError(response=response))):
            raise Refusal(describe_answer(response), retry_after=seconds)
        refuse_errors(response)
        if not is_whole:
            # Of JSON that breaks off the beginning may be rows, which are nobody's business.
            said = "" if response.text.lstrip()[:1] in {"{", "["} else f": {cut(response.text)}"
            message = f"{address(response)} answered what is no JSON, or breaks off{said}"
            raise ConnectionError(message)

    def _tell_retry(self, number: int, seconds: float, cause: BaseException) -> None:
        if isinstance(cause, Refusal):
            self._limit.hold(seconds)
        said = redact(f"{type(cause).__name__}: {cause}")
        logger.warning("%s: attempt %d failed: %s; the next one in %.1f s", self._name, number, said, seconds)


class _Limit:
    """What calls of one name know of their limit together."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._turns, self._knowing = threading.Lock(), threading.Lock()
        self._free_at = -math.inf
        # Until an answer says otherwise: somebody else may have used it up.
        self._is_near = True

    @contextmanager
    def turn(self, latest: float) -> Iterator[bool]:
        """Waits until a call may be made; yields whether no other one is begun until the block ends.

        Args:
            latest: By the clock; who would have to wait longer is refused.

        Raises:
            Refusal: The limit is free later than that.
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
            if seconds >= TOLD_FROM:
                logger.info("%s: waiting %.0f s, as the vendor asks", self._name, seconds)
            self._clock.sleep(seconds)

    def hold(self, seconds: float) -> None:
        """Has every call wait from now on, and then go alone."""
        with self._knowing:
            self._is_near = True
            self._free_at = max(self._free_at, self._clock.now() + seconds)

    def answered(self, pause: float, *, is_alone: bool) -> None:
        """Notes what an answer says of the limit; one that others overtook does not set it free."""
        if pause > 0:
            self.hold(pause)
        elif is_alone:
            self._is_near = False


_limits: defaultdict[Clock, dict[str, _Limit]] = defaultdict(dict)
_finding = threading.Lock()


def _limit(name: str, clock: Clock) -> _Limit:
    """Returns the limit of a name, which is one in this process."""
    with _finding:
        return _limits[clock].setdefault(name, _Limit(name, clock))


def _holds_json(content: bytes) -> bool:
    try:
        dlt_json.loadb(content)
    except ValueError:
        return False
    return True


def _learn(asked: Mapping[str, Any]) -> None:
    """Has masked what a request sends as secret."""
    for part in ("params", "headers", "data", "json"):
        if isinstance(sent := asked.get(part), Mapping):
            # A token of a page opens nothing, and there is another one in each answer.
            learn_settings({name: value for name, value in sent.items() if not _PAGE.search(str(name))})
            # `Bearer abc`: the token is a secret without its scheme as well.
            remember(str(value).rpartition(" ")[2] for name, value in sent.items() if name.lower() == "authorization")
