"""Tests of `deleted`: rows that a database has deleted are deleted or marked in the table, and no others."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.audit.read import read_trail
from data_foundation.errors import ConfigError, EntryError, LoadError
from data_foundation.loading.deletes import key_table
from tests.support.dlt_warehouses import DestinationTree
from tests.support.ducklakes import DuckLakeTree
from tests.support.lakes import LakeTree
from tests.support.postgres_server import PostgresTree
from tests.support.sql_sources import file
from tests.support.trees import Tree

__all__ = ["file"]

CREATE = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, at TEXT, version INTEGER NOT NULL);
    CREATE TABLE lines (order_id INTEGER, line TEXT, note TEXT, PRIMARY KEY (order_id, line));
"""
MERGE: Mapping[str, Any] = {"write_disposition": "merge", "primary_key": "id"}
UPSERT: Mapping[str, Any] = {**MERGE, "write_disposition": {"disposition": "merge", "strategy": "upsert"}}
CURSOR: Mapping[str, Any] = {"incremental": {"cursor_path": "version", "initial_value": 0}}


def add(tree: Tree, settings: Mapping[str, Any], **kwargs: Any) -> None:
    """Writes the source: `raw.orders` gets the rows of the SQLite file."""
    arguments = {"connection": "sales_db", "table": "orders", **kwargs}
    resource = {"entry": "data_foundation.readers.sql.get_table", "kwargs": arguments, "destination": "raw.orders"}
    tree.add("shop", yaml.safe_dump({"resources": [{**resource, "retries": {"max": 0}, **settings}]}))


def change(file: Path, script: str) -> None:
    """Runs statements in the SQLite file."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(script)


def fill(file: Path, first: int, last: int) -> None:
    """Makes the tables, with the orders from `first` to `last`."""
    rows = ", ".join(f"({n}, 'n{n}', '2024-01-{n % 28 + 1:02}', {n})" for n in range(first, last + 1))
    change(file, f"{CREATE} INSERT INTO orders VALUES {rows};")


@pytest.fixture(params=["duckdb", "postgres", "delta", "ducklake", "sqlite"])
def a_tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """An empty project that lands in each kind of warehouse; Snowflake's is in `tests/snowflake`."""
    if request.param == "postgres":
        postgres_tree: PostgresTree = request.getfixturevalue("postgres_tree")
        return postgres_tree
    folder = tmp_path / "project"
    if request.param == "sqlite":
        folder.mkdir()
        return DestinationTree(folder, f"sqlite:///{folder / 'warehouse.db'}")
    kinds: Mapping[str, type[Tree]] = {"duckdb": Tree, "delta": LakeTree, "ducklake": DuckLakeTree}
    return kinds[request.param](folder)


def merging(tree: Tree) -> Mapping[str, Any]:
    """Returns the settings of a merge that the warehouse has: a lake has upsert alone, and SQLite delete-insert."""
    return MERGE if isinstance(tree, DestinationTree) else UPSERT


def ids(tree: Tree, where: str = "1 = 1") -> list[Any]:
    """Returns the ids of the table."""
    return tree.query(f"select id from raw.orders where {where} order by id")


def test_deleted_rows_are_deleted(a_tree: Tree, file: Path) -> None:
    """In every warehouse, rows whose keys are gone are deleted in the load that brings the new ones, and counted."""
    fill(file, 1, 30)
    add(a_tree, {**merging(a_tree), **CURSOR}, deleted="hard")
    assert a_tree.load("shop.orders").deleted == 0
    change(file, "DELETE FROM orders WHERE id IN (2, 5); INSERT INTO orders VALUES (31, 'new', '2024-02-01', 31)")
    result = a_tree.load("shop.orders")
    assert (result.deleted, result.row_count, result.warnings) == (2, 29, ())
    assert ids(a_tree) == [n for n in range(1, 32) if n not in {2, 5}]
    assert a_tree.load("shop.orders").deleted == 0


@pytest.mark.sampled(2)
def test_deleted_rows_are_marked_until_they_return(a_tree: Tree, file: Path) -> None:
    """`soft` sets `_deleted_at`, once; a row that returns is unmarked, also where its cursor has not changed."""
    fill(file, 1, 30)
    add(a_tree, {**merging(a_tree), **CURSOR})
    a_tree.load("shop.orders")
    add(a_tree, {**merging(a_tree), **CURSOR}, deleted="soft")
    change(file, "DELETE FROM orders WHERE id IN (2, 5)")
    result = a_tree.load("shop.orders")
    assert (result.deleted, result.row_count) == (2, 30)
    assert ids(a_tree, "_deleted_at is not null") == [2, 5]
    marked = a_tree.query("select _deleted_at from raw.orders where id = 2")
    change(file, "INSERT INTO orders VALUES (5, 'n5', '2024-01-06', 5)")
    assert a_tree.load("shop.orders").deleted == 0
    assert ids(a_tree, "_deleted_at is not null") == [2]
    change(file, "INSERT INTO orders VALUES (2, 'again', '2024-02-02', 40)")
    a_tree.load("shop.orders")
    assert ids(a_tree, "_deleted_at is not null") == []
    assert a_tree.query("select name from raw.orders where id = 2") == ["again"]
    moment = datetime.fromisoformat(str(marked[0]))  # SQLite has texts
    assert abs(moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)) < timedelta(minutes=10)


def test_a_key_of_several_columns_is_compared_as_a_whole(
    a_tree: Tree, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows that share a part of the key only the deleted one goes, however many statements that takes."""
    monkeypatch.setattr(key_table, "KEYS_PER_STATEMENT", 3)
    rows = ", ".join(f"({n}, 'it''s {line}', NULL)" for n in range(10) for line in range(4))
    change(file, f"{CREATE} INSERT INTO lines VALUES {rows}")
    add(a_tree, {**merging(a_tree), "primary_key": ["order_id", "line"]}, table="lines", deleted="hard")
    a_tree.load("shop.orders")
    change(file, "DELETE FROM lines WHERE order_id < 7 AND line = 'it''s 2'")
    assert a_tree.load("shop.orders").deleted == 7
    left = a_tree.query("select order_id, line from raw.orders order by order_id, line")
    assert left == [(n, f"it's {line}") for n in range(10) for line in range(4) if n >= 7 or line != 2]


FEWER: Mapping[str, tuple[str, Any, bool]] = {
    "few": ("id <= 10", "hard", True),
    "a fifth": ("id <= 20", "hard", True),
    "more": ("id <= 21", "hard", False),
    "all": ("true", "hard", False),
    "all, soft": ("true", "soft", False),
    "all, allowed": ("true", {"mode": "hard", "at_most": 100}, True),
    "more, allowed": ("id <= 50", {"mode": "soft", "at_most": 50}, True),
    "one, where none is": ("id <= 11", {"mode": "hard", "at_most": 0}, False),
}


@pytest.mark.parametrize(("where", "deleted", "is_accepted"), FEWER.values(), ids=FEWER)
def test_a_source_with_far_fewer_keys_deletes_nothing(
    tree: Tree, file: Path, where: str, deleted: Any, *, is_accepted: bool
) -> None:
    """More than `at_most` percent, or no keys at all, fail the load before it writes; so few rows as ten never do."""
    fill(file, 1, 100)
    add(tree, MERGE, deleted=deleted)
    tree.load("shop.orders")
    change(file, f"DELETE FROM orders WHERE {where}")
    change(file, "UPDATE orders SET name = 'changed'")
    if is_accepted:
        tree.load("shop.orders")
        with closing(sqlite3.connect(file)) as connection:
            expected = [row[0] for row in connection.execute("SELECT id FROM orders ORDER BY id")]
        assert ids(tree, "_deleted_at is null" if "soft" in str(deleted) else "true") == expected
        return
    with pytest.raises(LoadError, match=r"deleted: the source has \d+ keys, and .* more than `at_most"):
        tree.load("shop.orders")
    assert tree.query("select count(*), count(*) filter (where name = 'changed') from raw.orders") == [(100, 0)]


SCOPES: Mapping[str, tuple[Mapping[str, Any], Sequence[int]]] = {
    "number": ({"column": "version", "since": 15}, (10, 40)),
    "time": ({"column": "at", "since": "2024-01-16"}, (10, 40)),
    "days": ({"column": "at", "days": 365_000}, (40,)),
}


@pytest.mark.parametrize(("scope", "left"), SCOPES.values(), ids=SCOPES)
def test_only_rows_of_the_scope_are_compared(
    tree: Tree, file: Path, scope: Mapping[str, Any], left: Sequence[int]
) -> None:
    """Rows of the table outside of the scope stay, whether the source has them or not."""
    fill(file, 1, 27)
    change(file, "INSERT INTO orders VALUES (40, 'no scope', NULL, 0)")
    add(tree, {**MERGE, "columns": {"at": {"data_type": "date"}}}, deleted={"mode": "hard", "scope": scope})
    tree.load("shop.orders")
    change(file, "DELETE FROM orders WHERE id IN (10, 20, 40)")
    assert tree.load("shop.orders").deleted == 3 - len(left)
    assert ids(tree, "id in (10, 20, 40)") == list(left)


@pytest.mark.parametrize("value", ["3", "NULL"], ids=["earlier", "none"])
def test_a_row_that_leaves_the_scope_stays(tree: Tree, file: Path, value: str) -> None:
    """The database has the row, though its cursor does not bring the changed value; a row that is gone is deleted."""
    fill(file, 1, 27)
    change(file, "ALTER TABLE orders ADD COLUMN due INTEGER; UPDATE orders SET due = id")
    add(tree, {**MERGE, **CURSOR}, deleted={"mode": "hard", "scope": {"column": "due", "since": 15}})
    tree.load("shop.orders")
    change(file, f"UPDATE orders SET due = {value} WHERE id = 20; DELETE FROM orders WHERE id = 21")
    result = tree.load("shop.orders")
    assert (result.deleted, result.warnings, ids(tree, "id in (20, 21)")) == (1, (), [20])


def test_nested_rows_go_with_their_row(tree: Tree, file: Path) -> None:
    """A list of a row is a nested table; its rows are deleted with the row."""
    fill(file, 1, 20)
    tree.add("shop", yaml.safe_dump({"resources": [
        {"entry": "data.get_rows", "destination": "raw.orders", **MERGE}]}), NESTED)  # fmt: skip
    tree.load("shop.orders")
    change(file, "DELETE FROM orders WHERE id = 3")
    assert tree.load("shop.orders").deleted == 1
    assert tree.query("select count(*), count(distinct _dlt_parent_id) from raw.orders__lines") == [(38, 19)]


NESTED = '''
from data_foundation.readers.sql import get_table


def get_rows():
    """Returns the orders, each with two lines."""
    return get_table("sales_db", "orders", deleted="hard").add_map(
        lambda table: [{**row, "lines": [{"n": 1}, {"n": 2}]} for row in table.to_pylist()]
    )
'''

REFUSED: Mapping[str, tuple[Mapping[str, Any], Any, str]] = {
    "append": ({"write_disposition": "append", "primary_key": "id"}, "hard", "this is append"),
    "replace": ({"write_disposition": "replace", "primary_key": "id"}, "hard", "this is replace"),
    "scd2": (
        {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "primary_key": "id"},
        "hard",
        "this is merge scd2",
    ),
    "insert-only": (
        {"write_disposition": {"disposition": "merge", "strategy": "insert-only"}, "primary_key": "id"},
        "hard",
        "this is merge insert-only",
    ),
    "no key": (
        {"write_disposition": "append"},
        "hard",
        "rows are compared by `primary_key`, and the resource has none",
    ),
    "hashed": ({**MERGE, "columns": {"id": {"pii": "hash"}}}, "hard", "pii: hash is set for id"),
    "renamed": ({**MERGE, "processing_steps": [{"rename": {"id": "number"}}]}, "hard", "processing_steps"),
    "filtered": ({**MERGE, "processing_steps": [{"filter": {"id": [1]}}]}, "hard", "processing_steps"),
    "scope": (MERGE, {"mode": "hard", "scope": {"column": "x", "days": 1}}, "deleted.scope.column: orders has no"),
}


@pytest.mark.parametrize(("settings", "deleted", "message"), REFUSED.values(), ids=REFUSED)
def test_rows_that_cannot_be_compared_are_refused(  # noqa: PLR0913, PLR0917 - a row of the table above, and the database
    tree: Tree, file: Path, settings: Mapping[str, Any], deleted: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a key of the source is not the key of one row of the table, nothing is written."""
    monkeypatch.setenv("PII_HASH_KEY", "x" * 32)
    fill(file, 1, 3)
    add(tree, settings, deleted=deleted)
    with pytest.raises((EntryError, LoadError), match=message):
        tree.load("shop.orders")
    with pytest.raises(Exception, match="does not exist"):
        ids(tree)


WRONG: Mapping[str, tuple[Any, str]] = {
    "word": ("purge", "got 'purge'; accepted: hard, soft"),
    "mode": ({"at_most": 5}, "mode"),
    "at_most": ({"mode": "hard", "at_most": 120}, "at_most"),
    "scope": ({"mode": "hard", "scope": {"column": "at"}}, "accepted is one of days and since"),
    "key": ({"mode": "hard", "most": 5}, "most"),
}


@pytest.mark.parametrize(("deleted", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_refused_by_check(tree: Tree, deleted: Any, message: str) -> None:
    """`foundation check` names the key and what is accepted."""
    add(tree, MERGE, deleted=deleted)
    with pytest.raises(ConfigError, match=message):
        tree.check("shop")


def test_a_sample_and_a_range_delete_nothing(tree: Tree, file: Path) -> None:
    """A run that reads a part of the rows compares no keys."""
    fill(file, 1, 20)
    add(tree, {**MERGE, **CURSOR}, deleted="hard")
    tree.load("shop.orders")
    change(file, "DELETE FROM orders WHERE id = 3")
    for options in ({"limit": 2}, {"start": "10"}, {"start": "10", "end": "12"}):
        assert tree.load("shop.orders", **options).deleted == 0
    assert ids(tree) == list(range(1, 21))
    assert tree.load("shop.orders").deleted == 1


def test_rows_that_came_late_are_reported(tree: Tree, file: Path) -> None:
    """A row with a cursor before the stored one is in neither the table nor the load: a warning counts it."""
    fill(file, 10, 40)
    add(tree, {**MERGE, **CURSOR}, deleted="hard")
    tree.load("shop.orders")
    change(file, "INSERT INTO orders VALUES (1, 'late', NULL, 5), (50, 'new', NULL, 50)")
    [warning] = tree.load("shop.orders").warnings
    assert "1 keys of the source are neither in the table nor in this load" in warning
    assert tree.load("shop.orders", refresh="state").warnings == ()
    assert ids(tree) == [1, *range(10, 41), 50]


def test_the_audit_trail_counts_deleted_rows(tree: Tree, file: Path) -> None:
    """The attempt has the number; a table of an earlier version gets the column."""
    fill(file, 1, 20)
    add(tree, MERGE, deleted="hard")
    tree.load("shop.orders")
    tree.query("alter table raw._load_audit drop column deleted")
    change(file, "DELETE FROM orders WHERE id < 4")
    tree.load("shop.orders")
    assert tree.query("select deleted from raw._load_audit order by started") == [None, 3]
    assert [attempt.deleted for attempt in read_trail(tree.warehouse).attempts] == [None, 3]
    tree.query("alter table raw._load_audit drop column deleted")
    assert [attempt.deleted for attempt in read_trail(tree.warehouse).attempts] == [None, None]


def changes(random: random.Random, live: dict[int, int], number: int) -> Iterator[str]:
    """Yields statements that insert, update and delete rows, and keeps `live` equal to the table."""
    for version in range(number, number + 100):
        kind, known = random.random(), sorted(live)
        if kind < 0.4 or not known:
            chosen = random.randrange(100_000)
            live.setdefault(chosen, version)
            yield f"INSERT OR IGNORE INTO orders VALUES ({chosen}, 'n', NULL, {version});"
            continue
        chosen = random.choice(known)
        if kind < 0.7:
            live[chosen] = version
            yield f"UPDATE orders SET name = 'u{version}', version = {version} WHERE id = {chosen};"
        else:
            del live[chosen]
            yield f"DELETE FROM orders WHERE id = {chosen};"


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=[pytest.mark.rare, pytest.mark.timeout(1800)])])
@pytest.mark.parametrize("settings", [MERGE, UPSERT], ids=["delete-insert", "upsert"])
def test_the_table_equals_the_database(tree: Tree, file: Path, rounds: int, settings: Mapping[str, Any]) -> None:
    """After each hundred random inserts, updates and deletes, one load makes the table equal, row by row."""
    generator, live = random.Random(rounds), dict[int, int]()  # noqa: S311 - a choice of tests
    fill(file, 1, 1)
    change(file, "DELETE FROM orders")
    add(tree, {**settings, **CURSOR}, deleted={"mode": "hard", "at_most": 100})
    for number in range(rounds):
        change(file, "".join(changes(generator, live, number * 100 + 1)))
        assert tree.load("shop.orders").warnings == ()
        with closing(sqlite3.connect(file)) as connection:
            expected = connection.execute("SELECT id, name, version FROM orders ORDER BY id").fetchall()
        assert tree.query("select id, name, version from raw.orders order by id") == expected
        assert {row[0]: row[2] for row in expected} == live
