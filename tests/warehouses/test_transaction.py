"""Holds a load into DuckDB to all or nothing: whatever fails in the middle, readers see the table as it was."""

import json

import duckdb
import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

DISPOSITIONS = {
    "append": ["write_disposition: append"],
    "replace": ["write_disposition: replace"],
    "merge": ["write_disposition: merge", "primary_key: id"],
    "upsert": ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id"],
    "insert-only": ["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"],
    "scd2": ["write_disposition: {disposition: merge, strategy: scd2}"],
}
EVERYTHING = {
    "orders": "select id from raw.orders order by id",
    "lines": "select n from raw.orders__lines order by n",
    "columns": "select column_name from information_schema.columns where table_schema = 'raw' order by all",
    "loads": "select count(*) from raw._dlt_loads",
    "state": "select count(*) from raw._dlt_pipeline_state",
}


def add_orders(tree: Tree, *settings: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    lines = "\n".join(f"    {line}" for line in ("destination: raw.orders", *settings))
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{lines}\n")


def refuse(tree: Tree, condition: str) -> None:
    """Makes the nested table refuse rows, as a warehouse that is full or a column that is too narrow would."""
    [ddl] = tree.query("select sql from duckdb_tables() where table_name = 'orders__lines' and schema_name = 'raw'")
    tree.query("create table raw.copied as from raw.orders__lines")
    tree.query("drop table raw.orders__lines")
    tree.query(f"{str(ddl).rstrip().removesuffix(';').removesuffix(')')}, check ({condition}))")
    tree.query("insert into raw.orders__lines from raw.copied")
    tree.query("drop table raw.copied")


def everything(tree: Tree) -> dict[str, list[object]]:
    """What readers could see."""
    return {name: tree.query(sql) for name, sql in EVERYTHING.items()}


@pytest.mark.parametrize("name", DISPOSITIONS)
def test_a_load_that_fails_in_its_last_table_leaves_them_all(tree: Tree, name: str) -> None:
    """Parents, children, new columns, state and the list of loads: all are as before, and right after the next run."""
    add_orders(tree, *DISPOSITIONS[name])
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    refuse(tree, "n < 100")
    before = everything(tree)
    tree.give("shop", [{"id": number, "colour": "red", "lines": [{"n": 1000}]} for number in (1, 2)])
    with pytest.raises(LoadError, match="failed while loading: DatabaseTerminalException: Constraint Error: CHECK"):
        tree.load("shop.orders")
    assert everything(tree) == before
    rows = [{"id": 1, "lines": [{"n": 2}]}, {"id": 2, "lines": [{"n": 3}]}]
    tree.give("shop", rows)
    [warning] = tree.load("shop.orders").warnings
    assert "was set aside" in warning
    ids = {"append": [1, 1, 2], "scd2": [1, 1, 2]}.get(name, [1, 2])
    assert tree.query(EVERYTHING["orders"]) == ids
    lines = {"append": [1, 2, 3], "scd2": [1, 2, 3], "insert-only": [1, 3]}.get(name, [2, 3])
    assert tree.query(EVERYTHING["lines"]) == lines


def test_a_first_load_that_fails_makes_no_table(tree: Tree) -> None:
    """Not even the schema is there after a first load that failed in the warehouse."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1}])
    (tree.root / "data").mkdir()
    tree.query("create schema raw")
    tree.query("create view raw.orders as select 1 as id")
    with pytest.raises(LoadError, match="failed while loading"):
        tree.load("shop.orders")
    tables = "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
    assert tree.query(tables) == ["_load_audit", "orders"]


def test_what_is_set_aside_can_be_looked_at(tree: Tree) -> None:
    """The files of a load that was set aside stay, those of one such load at a time, for their owner alone."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    refuse(tree, "n < 100")
    for _ in range(2):
        tree.give("shop", [{"id": 2, "lines": [{"n": 1000}]}])
        with pytest.raises(LoadError):
            tree.load("shop.orders")
        tree.give("shop", [{"id": 3}])
        [warning] = tree.load("shop.orders").warnings
    aside = tree.warehouse.work_folder / "raw-orders.set_aside"
    assert warning.endswith(f"its files are in {aside}")
    files = sorted(file.name.split(".")[0] for file in aside.glob("normalize/extracted/*/new_jobs/orders*"))
    assert files == ["orders", "orders__lines"]
    assert tree.warehouse.work_folder.stat().st_mode & 0o077 == 0
    assert not (tree.warehouse.work_folder / "raw-orders.unfinished").exists()


def test_a_reader_keeps_its_rows_while_a_load_runs(tree: Tree) -> None:
    """A transaction that somebody opened before a replace sees the old rows until it ends."""
    add_orders(tree, "write_disposition: replace")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    with duckdb.connect(tree.warehouse.path) as reader:
        reader.begin()
        assert reader.sql("select id from raw.orders").fetchall() == [(1,)]
        tree.give("shop", [{"id": 2}])
        tree.load("shop.orders")
        assert reader.sql("select id from raw.orders").fetchall() == [(1,)]
        reader.commit()
        assert reader.sql("select id from raw.orders").fetchall() == [(2,)]


def test_a_disposition_that_needs_another_table_says_so(tree: Tree) -> None:
    """A merge into nested tables that an append made needs columns which DuckDB cannot add: told, nothing is lost."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    add_orders(tree, *DISPOSITIONS["merge"])
    with pytest.raises(LoadError, match="Adding columns with constraints not yet supported"):
        tree.load("shop.orders")
    assert json.dumps(everything(tree)["lines"]) == "[1]"
    assert tree.load("shop.orders", refresh="drop").row_count == 1
