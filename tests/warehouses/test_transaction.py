"""Tests that a load into DuckDB is one transaction: after a failure at any point, readers see the old tables."""

import logging

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
    """Makes the child table refuse rows, as a full warehouse or a narrow column would."""
    [ddl] = tree.query("select sql from duckdb_tables() where table_name = 'orders__lines' and schema_name = 'raw'")
    tree.query("create table raw.copied as from raw.orders__lines")
    tree.query("drop table raw.orders__lines")
    tree.query(f"{str(ddl).rstrip().removesuffix(';').removesuffix(')')}, check ({condition}))")
    tree.query("insert into raw.orders__lines from raw.copied")
    tree.query("drop table raw.copied")


def everything(tree: Tree) -> dict[str, list[object]]:
    """Returns everything that readers can see."""
    return {name: tree.query(sql) for name, sql in EVERYTHING.items()}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", DISPOSITIONS)
def test_a_load_that_fails_in_its_last_table_changes_none(tree: Tree, name: str) -> None:
    """Parents, children, new columns, state and the list of loads are unchanged, and complete after the next run."""
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


def test_a_refused_copy_is_logged_with_its_own_error(
    tree: Tree, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the warehouse refuses is tried once; no statement follows in the transaction that has failed."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    refuse(tree, "n < 100")
    tree.give("shop", [{"id": 2, "lines": [{"n": 1000}]}])
    monkeypatch.setattr(logging.getLogger("dlt"), "handlers", [caplog.handler])
    with pytest.raises(LoadError, match="CHECK constraint failed"):
        tree.load("shop.orders")
    logged = caplog.text
    assert "CHECK constraint failed" in logged
    assert "TransactionContext" not in logged
    assert "During handling of the above exception" not in logged
    assert logged.count("exception in job") == 1


def test_a_first_load_that_fails_makes_no_table(tree: Tree) -> None:
    """After a first load that failed in the warehouse, not even the schema exists."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1}])
    (tree.root / "data").mkdir()
    tree.query("create schema raw")
    tree.query("create view raw.orders as select 1 as id where false")
    with pytest.raises(LoadError, match="failed while loading"):
        tree.load("shop.orders")
    tables = "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
    assert tree.query(tables) == ["_load_audit", "orders"]


def test_files_of_a_load_that_was_set_aside_are_kept(tree: Tree) -> None:
    """The files of the last load that was set aside are kept, readable by their owner only."""
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
    """A transaction that was opened before a replace sees the old rows until it ends."""
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
