"""Retries of a load: transient faults are retried within the resource's limits; all others fail at once."""

import time
import urllib.error
from collections.abc import Callable
from email.message import Message
from http.client import RemoteDisconnected
from typing import Any

import duckdb
import httpx
import pytest
import requests
from dlt.destinations.exceptions import DatabaseTerminalException, DatabaseTransientException

from data_foundation import Refusal
from data_foundation.errors import LoadError, WarehouseBusy
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.progress import Progress
from data_foundation.vendors import retries as transient
from data_foundation.vendors.retries import is_transient, retry_after
from tests.support.trees import Tree

ENTRY = """
import requests


def get_rows(url):
    yield [{"id": 1}]
    with open(__file__ + ".calls", "a") as calls:
        calls.write("x")
    requests.get(url, timeout=5).raise_for_status()
    yield [{"id": 2}]
"""


def add_rows(tree: Tree, url: str, retries: str = "{max: 3, backoff: 0.05}", more: str = "") -> None:
    """Writes the source `shop`, whose entry requests `url` between its two rows."""
    settings = f"args: ['{url}'], retries: {retries}, write_disposition: append{more}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.rows, {settings}}}]", ENTRY)


def calls(tree: Tree) -> int:
    """Returns the number of calls of the entry."""
    return len((tree.root / "dlthub" / "shop" / "data.py.calls").read_text())


@pytest.mark.parametrize("fault", ["429", "500", "503", "reset"])
def test_a_transient_fault_is_retried(tree: Tree, sandbox_url: str, arm_fault: Callable[..., None], fault: str) -> None:
    """After two errors and one good answer the rows land once, with a warning for each failed attempt."""
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest?key=s3cret")
    arm_fault("/frankfurter", fault, times=2, seconds=0)
    result = tree.load("shop.rows")
    assert (calls(tree), result.rows, result.row_count) == (3, 2, 2)
    assert [text[:42] for text in result.warnings] == [
        f"attempt {number} failed in extract after 1 rows: " for number in (1, 2)
    ]
    assert "s3cret" not in str(result.warnings)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_permanent_fault_fails_at_once(tree: Tree, sandbox_url: str, status: int) -> None:
    """A permanent fault is not retried."""
    data = ENTRY.replace("requests.get(url, timeout=5).raise_for_status()", f"""
    response = requests.get(url, timeout=5)
    response.status_code = {status}
    response.raise_for_status()""")  # fmt: skip
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest")
    tree.add("shop", (tree.root / "dlthub" / "shop" / "sources.yaml").read_text(), data)
    with pytest.raises(LoadError, match=rf"HTTPError: {status}") as failed:
        tree.load("shop.rows")
    assert calls(tree) == 1
    assert ("refuses the credentials" in str(failed.value)) == (status in (401, 403))
    assert ("does not know this request" in str(failed.value)) == (status in (400, 404, 422))


def test_the_last_error_gives_the_number_of_attempts(
    tree: Tree, sandbox_url: str, arm_fault: Callable[..., None]
) -> None:
    """The error gives the number of attempts and a hint."""
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest", "{max: 2, backoff: 0.01}")
    arm_fault("/frankfurter", "503")
    with pytest.raises(LoadError, match=r", 3 times: HTTPError: 503 .*\n  Hint: this may pass by itself"):
        tree.load("shop.rows")
    assert calls(tree) == 3


def test_retry_after_is_honoured(tree: Tree, sandbox_url: str, arm_fault: Callable[..., None]) -> None:
    """The wait in Retry-After is kept, also if the back-off is shorter."""
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest", "{max: 1, backoff: 0}")
    arm_fault("/frankfurter", "429", times=1, seconds=1)
    started = time.monotonic()
    assert tree.load("shop.rows").rows == 2
    assert time.monotonic() - started > 1


def test_retry_after_is_capped(
    tree: Tree, sandbox_url: str, arm_fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Retry-After of an hour is shortened to LONGEST_WAIT."""
    monkeypatch.setattr(transient, "LONGEST_WAIT", 0.5)
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest", "{max: 1, backoff: 0}")
    arm_fault("/frankfurter", "429", times=1, seconds=3600)
    started = time.monotonic()
    assert tree.load("shop.rows").rows == 2
    assert 0.5 < time.monotonic() - started < 60


REFUSING = """
class Busy(Exception):
    retry_after = {seconds}


def get_rows():
    with open(__file__ + ".calls", "a") as calls:
        calls.write("x")
    raise Busy("the account's limit is used up")
"""


@pytest.mark.parametrize(("seconds", "attempts"), [("0.3", 3), ("0.0", 3), ("400.0", 1), ("None", 1)])
def test_retry_after_of_an_exception_is_honoured(tree: Tree, seconds: str, attempts: int) -> None:
    """`retry_after` of an exception is waited for, beyond LONGEST_WAIT too, unless the deadline is earlier."""
    settings = "retries: {max: 2, backoff: 0, deadline: 300}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.rows, {settings}}}]",
             REFUSING.format(seconds=seconds))  # fmt: skip
    started = time.monotonic()
    with pytest.raises(LoadError, match="Busy: the account's limit is used up"):
        tree.load("shop.rows")
    assert calls(tree) == attempts
    assert time.monotonic() - started >= (0.6 if seconds == "0.3" else 0)


@pytest.mark.parametrize(
    ("retries", "attempts"), [("{max: 0}", 1), ("{max: 9, backoff: 0.4, deadline: 0.7}", 2), ("{deadline: 0}", 1)]
)
def test_the_deadline_ends_the_retries(
    tree: Tree, sandbox_url: str, arm_fault: Callable[..., None], retries: str, attempts: int
) -> None:
    """No attempt starts after the deadline, and no wait lasts beyond it."""
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest", retries)
    arm_fault("/frankfurter", "503")
    with pytest.raises(LoadError):
        tree.load("shop.rows")
    assert calls(tree) <= attempts


def test_progress_reports_a_failed_attempt(tree: Tree, sandbox_url: str, arm_fault: Callable[..., None]) -> None:
    """Progress gives the rows so far, the error and the time of the next attempt."""
    add_rows(tree, f"{sandbox_url}/frankfurter/v1/latest", "{max: 1, backoff: 0.01}")
    arm_fault("/frankfurter", "503", times=1)
    task, seen = tree.task("shop.rows"), list[Progress]()
    load_resource(task, tree.warehouse, seen.append)
    [retrying] = [progress for progress in seen if progress.phase == "retrying"]
    assert retrying.rows == 1
    assert "attempt 1 failed in extract after 1 rows: HTTPError: 503" in retrying.note
    assert "; attempt 2 of 2 in 0.0 s" in retrying.note


def test_a_transient_warehouse_error_is_retried(tree: Tree) -> None:
    """A load that the warehouse rejects for a moment is finished by the next attempt, and its rows land once."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows, retries: {backoff: 0.01}}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.rows")
    with duckdb.connect(tree.warehouse.path) as other:
        other.begin()
        other.execute("alter table raw.rows add column mine int")
        task, notes = tree.task("shop.rows"), list[str]()

        def release(progress: Progress) -> None:
            if progress.phase == "retrying":
                notes.append(progress.note)
                other.rollback()

        result = load_resource(task, tree.warehouse, release)
    [note] = notes
    assert "attempt 1 failed in load after 1 rows: DatabaseTransientException: TransactionContext Error" in note
    assert (result.rows, result.row_count) == (1, 2)


def _with_response(status: int, headers: dict[str, str] | None = None) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    return requests.HTTPError(response=response)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_with_response(408), True),
        (_with_response(429), True),
        (_with_response(502), True),
        (_with_response(410), False),
        (requests.ConnectionError(), True),
        (requests.ReadTimeout(), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (requests.exceptions.SSLError(), False),
        (requests.exceptions.InvalidURL(), False),
        (requests.JSONDecodeError("no", "", 0), False),
        (httpx.ConnectTimeout(""), True),
        (httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"), response=httpx.Response(503)), True),
        (httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"), response=httpx.Response(404)), False),
        (urllib.error.HTTPError("http://x", 500, "", Message(), None), True),
        (urllib.error.HTTPError("http://x", 404, "", Message(), None), False),
        (Refusal("code 17", retry_after=0.0), True),
        (Refusal("code 190"), False),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (RemoteDisconnected(""), True),
        (FileNotFoundError(), False),
        (ValueError(), False),
        (KeyError("429"), False),
        (WarehouseBusy("held"), False),
        (DatabaseTransientException(duckdb.IOException("disk")), True),
        (DatabaseTransientException(duckdb.ParserException("never")), False),
        (DatabaseTerminalException(duckdb.ConstraintException("never")), False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, Exception) else None,
)
def test_transient_errors_are_known_by_status_and_class(error: Exception, *, expected: bool) -> None:
    """A status decides if there is one, otherwise the class of the error."""
    assert is_transient(error) is expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 0), ({"Retry-After": "7"}, 7), ({"Retry-After": "-1"}, 0), ({"Retry-After": "soon"}, 0),
     ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0), ({"Retry-After": "86400"}, 86400)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(headers: dict[str, Any], seconds: float) -> None:
    """Invalid values and dates in the past count as 0 seconds."""
    assert retry_after(_with_response(429, headers)) == seconds
