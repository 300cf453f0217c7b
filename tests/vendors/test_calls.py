"""Requests of a source: paced as the vendor says, tried again where it helps, and silent about secrets."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from data_foundation import Calls, Refusal
from data_foundation.process_wide.redaction import redact
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.virtual_clock import VirtualClock

HOUR = 3600.0
LIMIT, THREADS = 100, 6


@pytest.fixture(scope="module")
def running() -> Iterator[RestServer]:
    """A server for all tests."""
    with serve() as server:
        yield server


@pytest.fixture
def server(running: RestServer) -> RestServer:
    """It, as new: every request is fine."""
    running.answer = lambda _request: {"fine": True}
    running.requests.clear()
    return running


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that nobody has to wait for."""
    return VirtualClock()


def in_turn(*answers: Any) -> Callable[[ReceivedRequest], Any]:
    """What answers one request after the other, and the last one from then on."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def of_usage(limit: int, window: float, clock: VirtualClock, taken: list[float]) -> Callable[[ReceivedRequest], Answer]:
    """A vendor that takes `limit` calls in any `window`, and says when only as many are left as there are threads."""
    lock = threading.Lock()

    def answer(_request: ReceivedRequest) -> Answer:
        with lock:
            now = clock.now()
            taken.append(now)
            within = [moment for moment in taken if moment > now - window]
        if len(within) > limit:
            return Answer({"error": "too many calls"}, 429)
        regain = within[0] + window - now if len(within) > limit - THREADS else 0
        return Answer({"used": len(within)}, headers={"X-Regain": str(regain)})

    return answer


@pytest.mark.parametrize("used_by_others", [0, LIMIT - 1])
def test_a_limit_is_never_exceeded_however_many_threads_share_it(
    server: RestServer, clock: VirtualClock, used_by_others: int
) -> None:
    """More than two hours of calls from six threads: none is refused, no hour has more calls than are allowed."""
    taken = [0.0] * used_by_others
    server.answer = of_usage(LIMIT, HOUR, clock, taken)

    def work(number: int) -> int:
        calls = Calls(
            "ads/act_1", clock=clock, deadline=3 * HOUR, pause=lambda answer: float(answer.headers["X-Regain"])
        )
        for _ in range(40):
            calls.get(f"{server.url}/{number}")
        return calls.calls

    with ThreadPoolExecutor(THREADS) as pool:
        made = sum(pool.map(work, range(THREADS)))
    assert made == 40 * THREADS
    moments = sorted(taken)
    assert all(later - earlier >= HOUR for earlier, later in zip(moments, moments[LIMIT:], strict=False))


def test_calls_under_other_names_do_not_wait(server: RestServer, clock: VirtualClock) -> None:
    """One account's pause is none of another's business."""
    Calls("ads/act_1", clock=clock, pause=lambda _answer: 100.0).get(server.url)
    Calls("ads/act_2", clock=clock).get(server.url)
    assert clock.now() == 0
    Calls("ads/act_1", clock=clock).get(server.url)
    assert clock.now() == 100


def test_what_the_vendor_asks_to_wait_is_waited_and_said(
    server: RestServer, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The vendor's own reading tells a refusal that passes, and when; the log tells that it was waited for."""
    server.answer = in_turn(Answer({"code": 17}, 400), {"code": 0})
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, 120.0))
    with caplog.at_level(logging.INFO, "data_foundation.vendors.calls"):
        assert calls.get(server.url).json() == {"code": 0}
    assert (clock.now(), calls.calls) == (120, 2)
    assert "ads/act_1: attempt 1 failed: Refusal: code 17: too many calls; retrying in 120.0 s" in caplog.text


def too_many(answer: requests.Response, seconds: float | None) -> Refusal | None:
    """A source's reading of an answer, as it would be written."""
    return Refusal("code 17: too many calls", retry_after=seconds) if answer.json().get("code") == 17 else None


def test_a_refusal_that_does_not_pass_is_raised_at_once(server: RestServer, clock: VirtualClock) -> None:
    """Without a word on when it passes a refusal is final."""
    server.answer = lambda _request: {"code": 17}
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, None))
    with pytest.raises(Refusal, match=r"^code 17: too many calls$"):
        calls.get(server.url)
    assert (calls.calls, clock.now()) == (1, 0)


def test_a_refusal_that_passes_some_day_is_asked_again_with_back_off(server: RestServer, clock: VirtualClock) -> None:
    """Zero means that it passes: the waits grow, and the attempts end."""
    server.answer = lambda _request: {"code": 17}
    calls = Calls("ads/act_1", clock=clock, retries=3, read=lambda answer: too_many(answer, 0.0))
    with pytest.raises(Refusal, match="code 17"):
        calls.get(server.url)
    assert calls.calls == 4
    assert clock.now() >= 1 + 2 + 4


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer({"code": 17}, 400), "code 17: too many calls; the vendor requires a wait of 7,200 s"),
        (
            Answer({"busy": 1}, 429, {"Retry-After": "7200"}),
            "429 Too Many Requests for .*; .* requires a wait of 7,200 s",
        ),
    ],
    ids=["its own reading", "Retry-After"],
)
def test_a_wait_beyond_the_deadline_fails_at_once_and_says_how_long(
    server: RestServer, clock: VirtualClock, answer: Answer, told: str
) -> None:
    """Nobody waits for two hours in vain; the next call under the limit is not even made."""
    server.answer = lambda _request: answer
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, 7200.0))
    with pytest.raises(Refusal, match=told) as refused:
        calls.get(server.url)
    assert (refused.value.retry_after, clock.now(), calls.calls) == (7200, 0, 1)
    with pytest.raises(Refusal, match="ads/act_1: the limit is used up; the vendor requires a wait of 7,200 s"):
        calls.get(server.url)
    assert calls.calls == 1


@pytest.mark.parametrize(
    "fault",
    [
        Answer({}, 500),
        Answer({}, 429),
        Answer({}, 503, {"Retry-After": "1"}),
        Answer(text="<html>down for maintenance</html>", headers={"Content-Type": "text/html"}),
        Answer(text='{"rows": [1, 2'),
        Answer(text=""),
    ],
    ids=["500", "429", "503", "a page of HTML", "JSON that breaks off", "nothing"],
)
def test_a_fault_that_passes_is_tried_again(server: RestServer, clock: VirtualClock, fault: Answer) -> None:
    """A hiccup of the vendor is over with the next attempt."""
    server.answer = in_turn(fault, {"fine": True})
    assert Calls("ads/act_1", clock=clock).get(server.url).json() == {"fine": True}
    assert len(server.requests) == 2


def test_a_server_that_is_away_is_asked_as_often_as_allowed(clock: VirtualClock) -> None:
    """The last error comes out, in the class that requests has for it."""
    calls = Calls("ads/act_1", clock=clock, retries=2)
    with pytest.raises(requests.ConnectionError):
        calls.get("http://127.0.0.1:9/rows")
    assert calls.calls == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_status_that_lasts_fails_at_once_with_what_the_vendor_says(
    server: RestServer, clock: VirtualClock, status: int
) -> None:
    """An error of requests, whose status the framework explains."""
    server.answer = lambda _request: Answer({"error": "no such field"}, status)
    with pytest.raises(requests.HTTPError, match=f"{status} .*no such field") as failed:
        Calls("ads/act_1", clock=clock).get(server.url)
    assert failed.value.response.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/rows", "{server}/rows"], ids=["unreachable", "refused"])
def test_no_secret_of_a_request_is_told(
    server: RestServer, clock: VirtualClock, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """Neither an error nor the log has the token of the address, or that of a header."""
    server.answer = lambda request: Answer({"error": f"bad {request.params} {request.headers}"}, 500)
    with pytest.raises(requests.RequestException) as failed:
        Calls("ads/act_1", clock=clock, retries=1).get(
            url.format(server=server.url),
            params={"access_token": "EAAB-6f1c9d"},
            headers={"Authorization": "Bearer ya29.5e7a1b"},
        )
    told = f"{failed.value} {caplog.text}"
    assert "attempt 1 failed" in told
    assert "EAAB-6f1c9d" not in told
    assert "ya29.5e7a1b" not in told
    assert "ya29.5e7a1b" not in redact("the token ya29.5e7a1b")


def test_a_post_and_its_body_are_sent_again(server: RestServer, clock: VirtualClock) -> None:
    """A report that a busy server did not begin is asked for again, whole."""
    server.answer = in_turn(Answer({}, 503), {"report_run_id": "1"})
    Calls("ads/act_1", clock=clock).post(f"{server.url}/insights", json={"fields": ["spend"]})
    assert [(request.method, request.body) for request in server.requests] == [("POST", {"fields": ["spend"]})] * 2


def test_an_answer_that_need_not_be_json_is_left_alone(server: RestServer, clock: VirtualClock) -> None:
    """Who reads CSV says so."""
    server.answer = lambda _request: Answer(text="a,b\n1,2\n", headers={"Content-Type": "text/csv"})
    assert Calls("ads/act_1", clock=clock, json=False).get(server.url).text == "a,b\n1,2\n"
