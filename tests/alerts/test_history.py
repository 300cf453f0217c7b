"""Tests of the events and the digest that the audit trail shows, with attempts of many runs."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_foundation.alerts import history
from data_foundation.alerts.digest import build_digest
from data_foundation.alerts.history import find_empty, find_newly_overdue
from data_foundation.audit.write import Attempt, record
from data_foundation.project.source import SourceConfig, load_source_config
from tests.support.trees import Tree

NOW = datetime.now(UTC)


def attempt(run: str, hours: float, rows: int | None = 1, **other: Any) -> Attempt:
    """Returns an attempt that ended `hours` ago."""
    ended = NOW - timedelta(hours=hours)
    values: dict[str, Any] = {"asset": "raw.orders", "source": "shop", "attempt": 1, "status": "loaded"}
    values |= {"started": ended - timedelta(minutes=1), "ended": ended, "rows": rows, "run_id": run}
    return Attempt(**values | other)


FAILED: dict[str, Any] = {"status": "failed", "error_class": "HTTPError", "error": "503"}

RUNS: dict[str, tuple[list[Attempt], int, bool]] = {
    "reaches the limit": ([attempt("a", 3), attempt("b", 2, 0), attempt("now", 0, 0)], 2, True),
    "below the limit": ([attempt("a", 3), attempt("now", 0, 0)], 2, False),
    "beyond the limit": ([attempt("a", 3, 0), attempt("b", 2, 0), attempt("now", 0, 0)], 2, False),
    "reaches it from the first run on": ([attempt("b", 2, 0), attempt("now", 0, 0)], 2, True),
    "loaded rows": ([attempt("a", 3, 0), attempt("now", 0, 5)], 1, False),
    "a limit of one": ([attempt("a", 3), attempt("now", 0, 0)], 1, True),
    "failed runs do not count": (
        [attempt("a", 4), attempt("b", 3, 0), attempt("c", 2, 0, **FAILED), attempt("now", 0, 0)], 2, True,
    ),
    "an unknown number is not none": ([attempt("a", 2, None), attempt("now", 0, 0)], 2, False),
    "a run of another table": ([attempt("a", 2, 0, asset="raw.users"), attempt("now", 0, 0)], 2, False),
    "evaluated after a later run": ([attempt("a", 3, 0), attempt("now", 2, 0), attempt("z", 0, 9)], 2, True),
}  # fmt: skip


@pytest.mark.parametrize(("attempts", "limit", "is_reported"), RUNS.values(), ids=RUNS)
def test_runs_without_rows(tree: Tree, attempts: list[Attempt], limit: int, *, is_reported: bool) -> None:
    """A table is reported by the run with which it reaches the limit, and by no run before or after it."""
    for one in attempts:
        record(tree.warehouse, one)
    [now] = [one for one in attempts if one.run_id == "now"]
    found = list(find_empty({"raw.orders": ("shop", limit)}, tree.warehouse, "now", now.ended))
    assert bool(found) == is_reported
    assert all((event.kind, event.table, event.source) == ("nothing_loaded", "raw.orders", "shop") for event in found)


AGES: dict[str, tuple[list[Attempt], bool]] = {
    "failed after its deadline": ([attempt("a", 3), attempt("now", 0, **FAILED)], True),
    "never loaded": ([attempt("now", 0, **FAILED)], False),
    "loaded now": ([attempt("a", 3), attempt("now", 0)], False),
    "within its age": ([attempt("a", 0.5), attempt("now", 0, **FAILED)], False),
    "reported by the run before": ([attempt("a", 5), attempt("b", 1, **FAILED), attempt("now", 0, **FAILED)], False),
    "the run before was in time": ([attempt("a", 3), attempt("b", 1.5, **FAILED), attempt("now", 0, **FAILED)], True),
    "another table was loaded in between": (
        [attempt("a", 5), attempt("b", 1, asset="raw.users"), attempt("now", 0, asset="raw.users")], False,
    ),
    "only another table is loaded": ([attempt("a", 3), attempt("now", 0, asset="raw.users")], True),
}  # fmt: skip


def shop(tree: Tree) -> SourceConfig:
    """Returns a source with two tables, of which one has a maximum age of two hours."""
    orders = "{entry: data.get_rows, destination: raw.orders, freshness: {fail_after_hours: 2}}"
    folder = tree.add("shop", f"resources: [{orders}, {{entry: data.get_rows, destination: raw.users}}]")
    return load_source_config(folder)


@pytest.mark.parametrize(("attempts", "is_reported"), AGES.values(), ids=AGES)
def test_overdue_tables_on_the_command_line(tree: Tree, attempts: list[Attempt], *, is_reported: bool) -> None:
    """A table is reported by the first run of its source after its deadline, and by no later one."""
    for one in attempts:
        record(tree.warehouse, one)
    found = list(find_newly_overdue([shop(tree)], tree.warehouse, "now"))
    assert bool(found) == is_reported
    assert all("freshness allows 2" in event.cause for event in found)


def test_a_lake_or_an_unreachable_warehouse_has_the_attempts_of_this_machine(tree: Tree) -> None:
    """Without the table of the warehouse, the journal of this machine is read: the facts are the same."""
    for one in (attempt("a", 2, 0), attempt("now", 0, 0)):
        record(tree.warehouse, one)
    Path(tree.warehouse.path).write_bytes(b"no database")
    [event] = find_empty({"raw.orders": ("shop", 2)}, tree.warehouse, "now")
    assert event.cause == "the last 2 successful runs loaded no row"


def test_a_warehouse_that_is_in_use_delays_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another run holds the DuckDB file, for instance a build of dbt, the journal of this machine is read."""
    for one in (attempt("a", 2, 0), attempt("now", 0, 0)):
        record(tree.warehouse, one)
    monkeypatch.setattr(history, "SECONDS", 0.2)
    before = time.monotonic()
    with tree.warehouse.exclusive():
        trail = history.read_attempts(tree.warehouse, ["raw.orders"])
        [event] = find_empty({"raw.orders": ("shop", 2)}, tree.warehouse, "now")
    assert event.kind == "nothing_loaded"
    assert [one.run_id for one in trail.attempts] == ["now"]
    assert trail.unreachable == "TimeoutError: the warehouse has not answered for 0.2 s"
    assert time.monotonic() - before < 10


def test_the_digest_lists_what_fails_still(any_tree: Tree) -> None:
    """It counts tables and rows, lists what fails, has recovered or is empty, and ignores what is older."""
    users: dict[str, Any] = {"asset": "raw.users"}
    for one in (
        attempt("old", 30, 1000), attempt("a", 5, 10),
        attempt("b", 2, None, **FAILED), attempt("c", 1, None, **FAILED),
        attempt("d", 6, None, **FAILED, **users), attempt("d", 5.9, 7, **users), attempt("e", 4, **FAILED, **users),
        attempt("f", 3, 5, **users),
        attempt("g", 2, 0, asset="raw.empty"),
        attempt("h", 1, status="killed", ended=None, asset="raw.killed", source="crm"),
    ):  # fmt: skip
        record(any_tree.warehouse, one)
    message = build_digest([shop(any_tree)], any_tree.warehouse, 24, "https://dagster.example.com/")
    assert message.title == "Digest of 24 hours: 2 failed, 1 overdue"
    assert message.text.splitlines() == [
        "Tables loaded: 3, rows: 22, loads: 8",
        "Failed, and loaded later: raw.users",
        "Loaded without a row: raw.empty",
    ]
    assert [(event.kind, event.table, event.cause.partition(": ")[0]) for event in message.events][:2] == [
        ("failure", "raw.killed", "its last run failed"),
        ("failure", "raw.orders", "its last run failed (2 of 3 runs)"),
    ]
    [overdue] = message.events[2:]
    assert (overdue.kind, overdue.table) == ("freshness", "raw.orders")


@pytest.mark.parametrize(
    ("attempts", "title"),
    [([], "no table was loaded"), ([attempt("a", 1)], "all tables are in order")],
    ids=["nothing ran", "all is well"],
)
def test_a_digest_of_a_quiet_night(tree: Tree, attempts: list[Attempt], title: str) -> None:
    """A digest is sent although nothing failed, so that its absence shows a fault."""
    for one in attempts:
        record(tree.warehouse, one)
    message = build_digest([], tree.warehouse, 24)
    assert (message.title, message.events) == (f"Digest of 24 hours: {title}", ())
