"""Loads in the audit trail: one row for every attempt."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data_foundation.audit.journal import Journal
from data_foundation.audit.read import read_trail
from data_foundation.audit.write import Attempt
from data_foundation.errors import LoadError
from data_foundation.local.preview import preview_resource
from tests.support.trees import Tree

ORDERS = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    write_disposition: append
    incremental: {cursor_path: id, initial_value: 0}
    retries: {max: 2, backoff: 0}
"""
FAILS = '''
from pathlib import Path


def get_rows():
    """Yields two rows, then fails; the file has the number of failures."""
    yield [{"id": 1}, {"id": 2}]
    file = Path(__file__).parent / "fails.txt"
    left = int(file.read_text())
    file.write_text(str(left - 1))
    if left > 0:
        raise {{ERROR}}("GET https://shop.example.com/orders?key=s3cr3t-canary\\nno")
'''


def trail(tree: Tree, **wanted: Any) -> tuple[Attempt, ...]:
    """Returns the attempts in the warehouse, after comparing them with the lines of the local journal."""
    read = read_trail(tree.warehouse, **wanted)
    assert not read.unreachable
    lines = Journal(tree.warehouse.work_folder, "audit").lines()
    assert [attempt.to_json() for attempt in read.attempts] == lines[-len(read.attempts) :]
    return read.attempts


def failing(tree: Tree, error: str, times: int) -> None:
    """Makes `shop.orders` raise `error` this many times."""
    folder = tree.add("shop", ORDERS, FAILS.replace("{{ERROR}}", error))
    (folder / "fails.txt").write_text(str(times))


def test_a_load_that_lands_is_one_row(tree: Tree) -> None:
    """The row has the asset, source, run, rows, bytes, times, cursor and load id of the load."""
    tree.add("shop", ORDERS)
    tree.give("shop", [{"id": 1}, {"id": 7}])
    result = tree.load("shop.orders", run_id="dagster-run")
    (attempt,) = trail(tree)
    assert (attempt.asset, attempt.source, attempt.run_id) == ("raw.orders", "shop", "dagster-run")
    assert (attempt.attempt, attempt.status, attempt.rows, attempt.cursor) == (1, "loaded", 2, "7")
    assert (attempt.load_id, attempt.error_class, attempt.error) == (result.load_id, None, None)
    assert 0 < (attempt.bytes or 0) < 100_000
    assert 0 < (attempt.seconds or 0) < 60
    assert tree.query("select count(*) from raw._load_audit") == [1]


def test_a_load_of_nothing_is_a_row_too(tree: Tree) -> None:
    """A replace without rows is recorded with 0 rows and without a load id."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: replace}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    tree.give("shop", [])
    tree.load("shop.orders")
    attempt = trail(tree)[-1]
    assert (attempt.status, attempt.rows, attempt.load_id, attempt.cursor) == ("loaded", 0, None, None)


def test_every_attempt_of_a_run_is_a_row(tree: Tree) -> None:
    """Two attempts fail with a transient error and the third lands: three rows of one run."""
    failing(tree, "ConnectionError", 2)
    assert tree.load("shop.orders", run_id="r").row_count == 2
    attempts = trail(tree)
    assert [(one.attempt, one.status, one.run_id) for one in attempts] == [
        (1, "failed", "r"), (2, "failed", "r"), (3, "loaded", "r"),
    ]  # fmt: skip
    assert [one.rows for one in attempts] == [2, 2, 2]
    assert [one.error_class for one in attempts] == ["ConnectionError", "ConnectionError", None]
    for earlier, later in pairwise(attempts):
        assert earlier.ended
        assert earlier.started < earlier.ended <= later.started


def test_a_load_that_fails_is_a_row_without_secrets(tree: Tree) -> None:
    """The row has the class of the cause, its message on one line and the rows so far, and no cursor."""
    failing(tree, "ValueError", 1)
    with pytest.raises(LoadError):
        tree.load("shop.orders")
    (attempt,) = trail(tree, failed=True)
    assert (attempt.status, attempt.rows, attempt.bytes) == ("failed", 2, None)
    assert (attempt.cursor, attempt.load_id) == (None, None)
    assert (attempt.error_class, attempt.error) == ("ValueError", "GET https://shop.example.com/orders?key=*** no")
    for file in (file for file in tree.root.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")):
        assert b"s3cr3t-canary" not in file.read_bytes(), file


def test_the_last_attempt_of_a_failed_run_is_a_row(tree: Tree) -> None:
    """Three attempts fail: three rows, none of them loaded."""
    failing(tree, "ConnectionError", 9)
    with pytest.raises(LoadError, match="3 times"):
        tree.load("shop.orders")
    assert [(one.attempt, one.status) for one in trail(tree)] == [(1, "failed"), (2, "failed"), (3, "failed")]


def test_the_next_run_records_a_killed_run(tree: Tree) -> None:
    """The next run finds the lock card of the killed run and records its run id and start; all else is null."""
    tree.add("shop", ORDERS)
    tree.give("shop", [{"id": 1}])
    folder = tree.warehouse.work_folder
    folder.mkdir(parents=True)
    holder = {"run_id": "killed", "pid": 1, "host": "here", "since": "2026-11-21T09:00:00+00:00"}
    (folder / "raw-orders.holder").write_text(json.dumps(holder))
    tree.load("shop.orders", run_id="next")
    killed, loaded = trail(tree)
    assert (killed.run_id, killed.status, killed.started.isoformat()) == ("killed", "killed", holder["since"])
    assert (killed.ended, killed.seconds, killed.rows, killed.error_class) == (None, None, None, None)
    assert (loaded.run_id, loaded.status) == ("next", "loaded")


def test_a_preview_is_not_recorded(tree: Tree) -> None:
    """A preview is not a load: it writes no row and no file."""
    tree.add("shop", ORDERS)
    tree.give("shop", [{"id": 1}])
    task = tree.task("shop.orders")
    preview_resource(task.source, task.resource, 5)
    assert not Path(tree.warehouse.path).exists()
    assert not tree.warehouse.work_folder.exists()
