"""Tests of `first_load_rows`: the first load of a large table in parts, each committed by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import EntryError, FoundationError
from data_foundation.readers.sql.databases.sqlite import SqliteDatabase
from tests.loading.test_deletes import CURSOR, MERGE, UPSERT, add, change, fill, ids
from tests.support.sql_sources import file
from tests.support.trees import Tree

__all__ = ["file"]


def rows(tree: Tree) -> list[Any]:
    """Returns all rows of the table."""
    return tree.query("select id, name, version from raw.orders order by id")


def rows_of(file: Path) -> list[Any]:
    """Returns all rows of the database."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT id, name, version FROM orders ORDER BY id").fetchall()


def loads(tree: Tree) -> int:
    """Returns the number of loads that have landed."""
    return int(tree.query("select count(*) from raw._dlt_loads")[0])


PARTS: Mapping[str, tuple[int, int]] = {"uneven": (7, 3), "even": (10, 3), "larger": (100, 1)}


@pytest.mark.parametrize(("size", "parts"), PARTS.values(), ids=PARTS)
def test_a_first_load_is_several_loads(tree: Tree, file: Path, size: int, parts: int) -> None:
    """Each part is a load; together they bring each row, and the next run reads only from the newest row on."""
    fill(file, 1, 20)
    # The newest row has the smallest key: a cursor that moved with the first part would leave out all others.
    change(file, "UPDATE orders SET version = 100 WHERE id = 1; UPDATE orders SET version = 21 - id WHERE id > 1")
    add(tree, {**MERGE, **CURSOR}, first_load_rows=size)
    result = tree.load("shop.orders")
    assert (result.rows, result.row_count, loads(tree)) == (20, 20, parts)
    assert result.cursor == (None, 100)
    assert rows(tree) == rows_of(file)
    change(file, "INSERT INTO orders VALUES (0, 'new', NULL, 101)")
    assert tree.load("shop.orders").rows == 2, "the new row, and once more the one at the cursor"
    assert rows(tree) == rows_of(file)


def test_rows_that_change_between_parts_arrive(tree: Tree, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changes after its part was read comes with the next run, also if a later part has newer rows."""
    fill(file, 1, 20)
    add(tree, {**UPSERT, **CURSOR}, first_load_rows=7, deleted="hard")
    steps = iter([
        "",
        "UPDATE orders SET name = 'changed', version = 30 WHERE id = 2; DELETE FROM orders WHERE id = 3",
        "UPDATE orders SET name = 'newer', version = 40 WHERE id = 19; INSERT INTO orders VALUES (0, 'late', NULL, 35)",
    ])  # fmt: skip

    def begin(self: SqliteDatabase, connection: Any) -> None:
        change(file, next(steps, ""))
        begun(self, connection)

    begun = SqliteDatabase.__init__
    monkeypatch.setattr(SqliteDatabase, "__init__", begin)
    tree.load("shop.orders")
    assert tree.query("select name from raw.orders where id in (2, 19) order by id") == ["n2", "newer"]
    assert tree.load("shop.orders").deleted == 1
    assert rows(tree) == rows_of(file)


def test_a_run_that_fails_continues(tree: Tree, file: Path) -> None:
    """Parts that have landed are not read again: a value that no load accepts stops only its own part."""
    fill(file, 1, 20)
    change(file, "UPDATE orders SET name = x'ff' WHERE id = 12")
    add(tree, {**MERGE, **CURSOR}, first_load_rows=10)
    with pytest.raises(FoundationError, match="name"):
        tree.load("shop.orders")
    assert ids(tree) == list(range(1, 11))
    change(file, "UPDATE orders SET name = 'n12' WHERE id = 12")
    result = tree.load("shop.orders")
    assert (result.rows, result.row_count) == (10, 20)
    assert rows(tree) == rows_of(file)


OTHER: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "key": (CURSOR, {"partition_on": "other"}),
    "cursor": ({"incremental": {"cursor_path": "other", "initial_value": -100}}, {}),
}


@pytest.mark.parametrize(("cursor", "kwargs"), OTHER.values(), ids=OTHER)
def test_a_first_load_with_another_key_or_cursor_begins_anew(
    tree: Tree, file: Path, cursor: Mapping[str, Any], kwargs: Mapping[str, Any]
) -> None:
    """Where a first load was interrupted, a changed `partition_on` or cursor leaves out no row, now or later."""
    fill(file, 1, 20)
    change(file, "ALTER TABLE orders ADD COLUMN other INTEGER; UPDATE orders SET other = -id")
    change(file, "UPDATE orders SET name = x'ff' WHERE id = 12")
    add(tree, {**MERGE, **CURSOR}, first_load_rows=8)
    with pytest.raises(FoundationError, match="name"):
        tree.load("shop.orders")
    assert ids(tree) == list(range(1, 9))
    change(file, "UPDATE orders SET name = 'n12' WHERE id = 12")
    add(tree, {**MERGE, **cursor}, first_load_rows=8, **kwargs)
    tree.load("shop.orders")
    assert rows(tree) == rows_of(file)
    change(file, "INSERT INTO orders VALUES (0, 'new', NULL, 21, 0)")
    tree.load("shop.orders")
    assert rows(tree) == rows_of(file)


def test_a_table_that_was_loaded_is_not_divided(tree: Tree, file: Path) -> None:
    """The option has an effect on the first load only, and on one that begins anew."""
    fill(file, 1, 20)
    add(tree, {**MERGE, **CURSOR})
    tree.load("shop.orders")
    add(tree, {**MERGE, **CURSOR}, first_load_rows=10)
    change(file, "UPDATE orders SET version = version + 50")
    assert (tree.load("shop.orders").rows, loads(tree)) == (20, 2)
    assert (tree.load("shop.orders", refresh="state").rows, loads(tree)) == (20, 5)
    assert rows(tree) == rows_of(file)


REFUSED: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], str]] = {
    "append": ({"write_disposition": "append", **CURSOR}, {}, "set `incremental`, `write_disposition: merge`"),
    "no cursor": (MERGE, {}, "set `incremental`, `write_disposition: merge`"),
    "text": ({**MERGE, **CURSOR}, {"partition_on": "name"}, "accepted are whole numbers, dates and times"),
    "zero": ({**MERGE, **CURSOR}, {"first_load_rows": 0}, "first_load_rows: got 0; accepted is a whole number"),
}


@pytest.mark.parametrize(("settings", "kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_cannot_be_divided_is_refused(
    tree: Tree, file: Path, settings: Mapping[str, Any], kwargs: Mapping[str, Any], message: str
) -> None:
    """The message names what is missing."""
    fill(file, 1, 20)
    add(tree, settings, **{"first_load_rows": 5, **kwargs})
    with pytest.raises(EntryError, match=message):
        tree.load("shop.orders")
