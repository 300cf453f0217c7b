"""`Calls`: rate limits of a vendor, retries, errors, and secrets in messages."""

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
    """One server for all tests."""
    with serve() as server:
        yield server


@pytest.fixture
def server(running: RestServer) -> RestServer:
    """The server with its default answer and without recorded requests."""
    running.answer = lambda _request: {"fine": True}
    running.requests.clear()
    return running


@pytest.fixture
def clock() -> VirtualClock:
    """A clock on which waiting takes no time."""
    return VirtualClock()


def in_turn(*answers: Any) -> Callable[[ReceivedRequest], Any]:
    """Returns a handler that gives these answers in order, and repeats the last one."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def rate_limited(
    limit: int, window: float, clock: VirtualClock, taken: list[float]
) -> Callable[[ReceivedRequest], Answer]:
    """Returns a vendor that takes `limit` calls in any `window`, and sends a wait when only THREADS calls are left."""
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
    """Six threads make more than two hours of calls: none is refused, and no hour has more calls than the limit."""
    taken = [0.0] * used_by_others
    server.answer = rate_limited(LIMIT, HOUR, clock, taken)

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
    """A pause of one account does not delay another account."""
    Calls("ads/act_1", clock=clock, pause=lambda _answer: 100.0).get(server.url)
    Calls("ads/act_2", clock=clock).get(server.url)
    assert clock.now() == 0
    Calls("ads/act_1", clock=clock).get(server.url)
    assert clock.now() == 100


def test_a_wait_that_the_vendor_requires_is_logged(
    server: RestServer, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """`read` recognises a temporary refusal and its wait; the log has a line for the retry."""
    server.answer = in_turn(Answer({"code": 17}, 400), {"code": 0})
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, 120.0))
    with caplog.at_level(logging.INFO, "data_foundation.vendors.calls"):
        assert calls.get(server.url).json() == {"code": 0}
    assert (clock.now(), calls.calls) == (120, 2)
    assert "ads/act_1: attempt 1 failed: Refusal: code 17: too many calls; retrying in 120.0 s" in caplog.text


def too_many(answer: requests.Response, seconds: float | None) -> Refusal | None:
    """Reads an answer as a source would: code 17 is a refusal."""
    return Refusal("code 17: too many calls", retry_after=seconds) if answer.json().get("code") == 17 else None


def test_a_permanent_refusal_is_raised_at_once(server: RestServer, clock: VirtualClock) -> None:
    """A refusal without `retry_after` is final."""
    server.answer = lambda _request: {"code": 17}
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, None))
    with pytest.raises(Refusal, match=r"^code 17: too many calls$"):
        calls.get(server.url)
    assert (calls.calls, clock.now()) == (1, 0)


def test_a_temporary_refusal_is_retried_with_back_off(server: RestServer, clock: VirtualClock) -> None:
    """With `retry_after=0` the waits grow and the number of attempts is limited."""
    server.answer = lambda _request: {"code": 17}
    calls = Calls("ads/act_1", clock=clock, retries=3, read=lambda answer: too_many(answer, 0.0))
    with pytest.raises(Refusal, match="code 17"):
        calls.get(server.url)
    assert calls.calls == 4
    assert clock.now() >= 1 + 2 + 4


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"code": 17}, 400), "code 17: too many calls; the vendor requires a wait of 7,200 s"),
        (
            Answer({"busy": 1}, 429, {"Retry-After": "7200"}),
            "429 Too Many Requests for .*; .* requires a wait of 7,200 s",
        ),
    ],
    ids=["its own reading", "Retry-After"],
)
def test_a_wait_beyond_the_deadline_fails_at_once(
    server: RestServer, clock: VirtualClock, answer: Answer, message: str
) -> None:
    """The call fails without waiting; the next call under the same limit is refused before it is sent."""
    server.answer = lambda _request: answer
    calls = Calls("ads/act_1", clock=clock, read=lambda answer: too_many(answer, 7200.0))
    with pytest.raises(Refusal, match=message) as refused:
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
def test_a_transient_fault_is_retried(server: RestServer, clock: VirtualClock, fault: Answer) -> None:
    """The second attempt succeeds."""
    server.answer = in_turn(fault, {"fine": True})
    assert Calls("ads/act_1", clock=clock).get(server.url).json() == {"fine": True}
    assert len(server.requests) == 2


def test_an_unreachable_server_is_retried(clock: VirtualClock) -> None:
    """After the last attempt the requests error is raised."""
    calls = Calls("ads/act_1", clock=clock, retries=2)
    with pytest.raises(requests.ConnectionError):
        calls.get("http://127.0.0.1:9/rows")
    assert calls.calls == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_permanent_status_fails_at_once(server: RestServer, clock: VirtualClock, status: int) -> None:
    """A `requests.HTTPError` is raised with the vendor's text."""
    server.answer = lambda _request: Answer({"error": "no such field"}, status)
    with pytest.raises(requests.HTTPError, match=f"{status} .*no such field") as failed:
        Calls("ads/act_1", clock=clock).get(server.url)
    assert failed.value.response.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/rows", "{server}/rows"], ids=["unreachable", "refused"])
def test_errors_and_logs_contain_no_secret_of_a_request(
    server: RestServer, clock: VirtualClock, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """Neither the error nor the log contains a token of the address or of a header."""
    server.answer = lambda request: Answer({"error": f"bad {request.params} {request.headers}"}, 500)
    with pytest.raises(requests.RequestException) as failed:
        Calls("ads/act_1", clock=clock, retries=1).get(
            url.format(server=server.url),
            params={"access_token": "EAAB-6f1c9d"},
            headers={"Authorization": "Bearer ya29.5e7a1b"},
        )
    message = f"{failed.value} {caplog.text}"
    assert "attempt 1 failed" in message
    assert "EAAB-6f1c9d" not in message
    assert "ya29.5e7a1b" not in message
    assert "ya29.5e7a1b" not in redact("the token ya29.5e7a1b")


def test_a_post_is_retried_with_its_body(server: RestServer, clock: VirtualClock) -> None:
    """The retry has the same method and body."""
    server.answer = in_turn(Answer({}, 503), {"report_run_id": "1"})
    Calls("ads/act_1", clock=clock).post(f"{server.url}/insights", json={"fields": ["spend"]})
    assert [(request.method, request.body) for request in server.requests] == [("POST", {"fields": ["spend"]})] * 2


def test_an_answer_may_be_other_than_json(server: RestServer, clock: VirtualClock) -> None:
    """`json=False` accepts an answer in CSV."""
    server.answer = lambda _request: Answer(text="a,b\n1,2\n", headers={"Content-Type": "text/csv"})
    assert Calls("ads/act_1", clock=clock, json=False).get(server.url).text == "a,b\n1,2\n"
