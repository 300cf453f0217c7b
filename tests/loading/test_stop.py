"""The stop of a run: every load ends soon, as if it had not begun, or with its commit."""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_foundation.errors import LoadStopped
from data_foundation.loading.lock import hold
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.stop import RunStop
from data_foundation.warehouses.duckdb import destination
from data_foundation.warehouses.one_load import OneTransaction
from tests.support.postgres_server import PostgresTree
from tests.support.trees import Tree

DATA = """
import time
from pathlib import Path

HERE = Path(__file__).parent


def wait(place):
    \"\"\"Waits for the file `go`, but only in the run in which the test says so.\"\"\"
    if (HERE / place).exists():
        (HERE / f"at_{place}").touch()
        while not (HERE / "go").exists():
            time.sleep(0.02)


def get_rows():
    wait("first")
    yield [{"id": 1}, {"id": 2}]
    wait("second")
    while (HERE / "pages").exists():
        (HERE / "at_pages").touch()
        time.sleep(0.05)
        yield [{"id": 3}]
    if (HERE / "busy").exists():
        (HERE / "at_busy").touch()
        raise ConnectionError("busy")
    yield [{"id": 4}, {"id": 5}]
"""
ROWS = [1, 2, 4, 5]
MESSAGE = "stopped: nothing of raw.rows was loaded, the next run reads it again"
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the times that a stop waits."""
    monkeypatch.setattr("data_foundation.loading.parallel.GRACE_SECONDS", 1.0)
    monkeypatch.setattr("data_foundation.loading.parallel.COMMIT_SECONDS", 1.0)


class Shop:
    """A source of one table, whose load waits where the test says so."""

    def __init__(self, tree: Tree, disposition: str = "append", keys: str = "") -> None:
        self.tree = tree
        yaml = (
            "source: {max_concurrency: 1}\n"
            f"resources: [{{entry: data.get_rows, destination: raw.rows, write_disposition: {disposition}{keys}}}]"
        )
        self.folder = tree.add("shop", yaml, DATA)

    def set(self, name: str, *, exists: bool = True) -> None:
        """Creates or removes a file that the source looks for."""
        (self.folder / name).touch() if exists else (self.folder / name).unlink(missing_ok=True)

    def has_reached(self, place: str) -> bool:
        """Returns whether the source waits at a place."""
        return (self.folder / f"at_{place}").exists()

    def load(self, stop: RunStop | None = None) -> Outcome:
        """Loads the table, and returns the outcome."""
        events = load_side_by_side([self.tree.task("shop.rows")], self.tree.warehouse, stop)
        [outcome] = [event for event in events if isinstance(event, Outcome)]
        return outcome

    def stop_at(self, reached: Callable[[], bool], then: Callable[[], object] = lambda: None) -> tuple[Outcome, float]:
        """Loads, and stops the load once a condition is true; returns the outcome, and the seconds that it took."""
        stop, requests = RunStop(), []

        def ask() -> None:
            wait_until(reached)
            requests.append(time.monotonic())
            stop.request()
            then()

        thread = threading.Thread(target=ask)
        thread.start()
        outcome = self.load(stop)
        ended = time.monotonic()
        thread.join()
        return outcome, ended - requests[0]

    def rows(self) -> list[Any]:
        """Returns the ids in the table, in order."""
        return self.tree.query("select id from raw.rows order by id")

    def pending(self) -> list[Path]:
        """Returns the pending loads."""
        return list(self.tree.warehouse.work_folder.glob("*.unfinished/*.*"))


def wait_until(reached: Callable[[], bool]) -> None:
    """Waits until a condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, "the load never came to the point at which it is stopped"
        time.sleep(0.02)


def threads_of(name: str) -> list[threading.Thread]:
    """Returns the living threads that load a source."""
    return [thread for thread in threading.enumerate() if thread.name == name]


@contextmanager
def paused(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Makes a method wait before it runs; yields the event that it was called, and the one that lets it run."""
    called, released, original = threading.Event(), threading.Event(), getattr(owner, method)

    def wait(*arguments: Any) -> Any:
        called.set()
        assert released.wait(PATIENCE)
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, wait)
        try:
            yield called, released
        finally:
            released.set()


DISPOSITIONS = {"append": ("append", ""), "replace": ("replace", ""), "merge": ("merge", ", primary_key: id"),
                "cursor": ("append", ", incremental: {cursor_path: id}, primary_key: id")}  # fmt: skip


@pytest.mark.sampled(11)
@pytest.mark.parametrize("kind", DISPOSITIONS)
@pytest.mark.parametrize("place", ["pages", "first", "second", "busy", "lock", "commit"])
def test_a_stopped_load_is_as_if_it_had_not_begun(
    any_tree: Tree, kind: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a load is stopped before its commit, table and cursor are as before, and the next run is right."""
    shop = Shop(any_tree, *DISPOSITIONS[kind])
    assert shop.load().result
    before = shop.rows()
    shop.set(place)
    if place == "lock":
        waiting = threading.Event()
        with hold(any_tree.warehouse.work_folder, "raw-rows", "other", print):
            threading.Timer(0.5, waiting.set).start()
            outcome, seconds = shop.stop_at(waiting.is_set)
    elif place == "commit":
        with paused(monkeypatch, OneTransaction, "commit") as (called, released):
            outcome, seconds = shop.stop_at(called.is_set, released.set)
    else:
        outcome, seconds = shop.stop_at(lambda: shop.has_reached(place))
    assert str(outcome.error) == MESSAGE
    assert isinstance(outcome.error, LoadStopped)
    assert seconds < 3
    assert shop.rows() == before
    assert shop.pending() == []
    shop.set(place, exists=False)
    shop.set("go")
    wait_until(lambda: not threads_of("shop"))
    assert shop.rows() == before, "an abandoned thread has committed"
    assert shop.load().result
    assert shop.rows() == sorted(before * 2 if kind == "append" else ROWS)


def test_a_commit_that_has_begun_is_finished(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that is stopped during its commit has landed, and says so."""
    shop = Shop(tree)
    duckdb = destination._DuckDBTransaction
    with paused(monkeypatch, duckdb, "commit_session") as (called, released):
        outcome, _ = shop.stop_at(called.is_set, released.set)
    assert outcome.result
    assert outcome.result.rows == 4
    assert shop.rows() == ROWS


def test_a_commit_that_does_not_end_is_left_to_the_next_run(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a commit takes too long its end is unknown: the next run finds out, and loads nothing twice."""
    shop = Shop(tree)
    duckdb = destination._DuckDBTransaction
    with paused(monkeypatch, duckdb, "commit_session") as (called, _):
        outcome, _ = shop.stop_at(called.is_set)
    assert str(outcome.error) == (
        "stopped: raw.rows during its commit: the next run finds out whether its rows are in the table"
    )
    wait_until(lambda: not threads_of("shop"))
    assert shop.rows() == ROWS
    assert shop.load().result
    assert shop.rows() == sorted(ROWS * 2)


@pytest.mark.parametrize("phase", ["normalize", "load"])
def test_a_thread_that_was_given_up_keeps_no_pending_load(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """What a load has extracted is dropped when the run gives it up, so no later run loads it."""
    shop = Shop(tree)
    with paused(monkeypatch, TablePipeline, phase) as (called, _):
        outcome, _ = shop.stop_at(called.is_set)
        assert str(outcome.error) == MESSAGE
        assert shop.pending() == []
    wait_until(lambda: not threads_of("shop"))
    assert shop.pending() == []
    assert shop.load().result
    assert shop.rows() == ROWS


@pytest.mark.parametrize(("owner", "method"), [(TablePipeline, "normalize"), (OneTransaction, "commit")])
def test_a_pending_load_of_an_earlier_run_stays(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    """A stop drops only what its own load has extracted; a pending load that was there before is finished later."""
    shop = Shop(tree)
    with monkeypatch.context() as patch:
        patch.setattr(TablePipeline, "load", _raise_reset)
        tree.add("shop", f"source: {{retries: {{max: 0}}}}\n{(shop.folder / 'sources.yaml').read_text()[28:]}", DATA)
        assert shop.load().error
    [kept] = shop.pending()
    with paused(monkeypatch, owner, method) as (called, released):
        outcome, _ = shop.stop_at(called.is_set, released.set)
    assert isinstance(outcome.error, LoadStopped)
    assert shop.pending() == [kept]
    assert shop.load().result
    assert shop.rows() == ROWS


def _raise_reset(*_arguments: object) -> None:
    raise ConnectionResetError("reset")


def test_tables_that_have_not_begun_are_not_loaded(tree: Tree) -> None:
    """Each table of a stopped run has an outcome; one that has not begun was never read."""
    shop = Shop(tree)
    lines = ["source: {max_concurrency: 1}", "resources:"]
    lines += [f"  - {{entry: data.get_rows, destination: raw.{name}}}" for name in ("rows", "others")]
    tree.add("shop", "\n".join(lines), DATA)
    shop.set("pages")
    stop, outcomes = RunStop(), {}
    for event in load_side_by_side([tree.task(f"shop.{name}") for name in ("rows", "others")], tree.warehouse, stop):
        if isinstance(event, Outcome):
            outcomes[event.task.resource.table] = str(event.error)
        elif shop.has_reached("pages") and stop.requested_at is None:
            stop.request()
    assert outcomes == {"rows": MESSAGE, "others": MESSAGE.replace("raw.rows", "raw.others")}


def test_a_second_request_ends_the_wait(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second request, a load that does not react is not waited for."""
    monkeypatch.setattr("data_foundation.loading.parallel.GRACE_SECONDS", PATIENCE)
    shop, stop = Shop(tree), RunStop()
    shop.set("first")

    def ask_twice() -> None:
        wait_until(lambda: shop.has_reached("first"))
        stop.request()
        time.sleep(0.3)
        stop.request()

    threading.Thread(target=ask_twice).start()
    started = time.monotonic()
    assert str(shop.load(stop).error) == MESSAGE
    assert time.monotonic() - started < 10
    shop.set("go")


def test_an_interrupt_of_the_waiting_thread_is_a_stop(tree: Tree) -> None:
    """KeyboardInterrupt in the thread that waits for the loads stops them; it is raised once they have ended."""
    shop = Shop(tree)
    shop.set("pages")

    def interrupt() -> None:
        wait_until(lambda: shop.has_reached("pages"))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    events = load_side_by_side([tree.task("shop.rows")], tree.warehouse)
    outcomes = []
    with pytest.raises(KeyboardInterrupt):
        outcomes += [event for event in events if isinstance(event, Outcome)]
    shop.set("pages", exists=False)
    assert threads_of("shop") == []
    assert shop.load().result
    assert shop.rows() == ROWS


def test_a_caller_that_leaves_stops_the_loads(tree: Tree) -> None:
    """A caller that does not want the remaining events stops the loads, too."""
    shop = Shop(tree)
    shop.set("pages")
    events = load_side_by_side([tree.task("shop.rows")], tree.warehouse)
    assert next(event for event in events if shop.has_reached("pages"))
    assert isinstance(events, Generator)
    events.close()
    assert threads_of("shop") == []
    assert tree.query("select count(*) from information_schema.tables where table_name = 'rows'") == [0]


def test_a_thread_that_waited_for_a_lock_of_the_server_commits_nothing(postgres_tree: PostgresTree) -> None:
    """A load that waits for a lock of another session on the server is given up, and changes nothing later."""
    shop = Shop(postgres_tree)
    assert shop.load().result
    with closing(psycopg2.connect(**postgres_tree.warehouse._parameters())) as session, session.cursor() as cursor:
        cursor.execute("lock table raw.rows in access exclusive mode")
        outcome, seconds = shop.stop_at(lambda: _is_waiting(postgres_tree))
        assert str(outcome.error) == MESSAGE
        assert seconds < 3
    wait_until(lambda: not threads_of("shop"))
    assert shop.rows() == ROWS
    assert shop.load().result
    assert shop.rows() == sorted(ROWS * 2)


def _is_waiting(tree: PostgresTree) -> bool:
    return bool(tree.query("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")[0])
