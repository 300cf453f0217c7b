"""Tests of tables that are copied to another warehouse."""

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from data_foundation.audit.read import read_trail
from data_foundation.cli.main import app
from data_foundation.errors import LoadError
from data_foundation.loading.copying import copy_table as module
from data_foundation.loading.copying.table_pages import Content, loaded_columns, read_content
from tests.support.copies import KINDS, Pair, Table, copy
from tests.support.postgres_server import PostgresTree
from tests.support.trees import Tree

VAULT = "{entry: data.get_rows, destination: raw.orders, landing: vault, tag: orders, primary_key: id}"
PAIRS = ("duckdb to postgres", "postgres to duckdb")


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, postgres_tree: PostgresTree) -> Pair:
    """A project as it is seen with each of two warehouses."""
    duckdb = Tree(postgres_tree.root)
    return Pair(duckdb, postgres_tree) if request.param == PAIRS[0] else Pair(postgres_tree, duckdb)


@pytest.fixture
def from_postgres(postgres_tree: PostgresTree) -> Pair:
    """The pair whose first warehouse other machines can load."""
    return Pair(postgres_tree, Tree(postgres_tree.root))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_continues_there(pair: Pair, kind: str) -> None:
    """Rows of every type, nested ones and the cursor are where the copy is; what follows is as it would have been."""
    here, there = Table(pair.here), Table(pair.there)
    here.declare(kind)
    here.load(1, 2, 3)
    here.load(1, 2, 3, 4)
    copied = copy(pair)
    assert copied.tables["orders"] == pair.here.query("select count(*) from raw.orders")[0]
    here.load(1, 2, 3, 4, 5)
    there.load(1, 2, 3, 4, 5)
    pair.compare()


def test_the_command_says_what_it_has_copied(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table with its rows, and what to set; an error is one message."""
    Table(pair.here).declare("append")
    Table(pair.here).load(1, 2)
    monkeypatch.chdir(pair.here.root)
    postgres = next(tree for tree in (pair.here, pair.there) if isinstance(tree, PostgresTree))
    settings = {**postgres.settings, "DUCKDB_PATH": Tree(postgres.root).warehouse.path, "DEPLOYMENT": "production"}
    for name, value in {**settings, "WAREHOUSE": pair.here.warehouse.kind}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["copy", "shop", "--to", pair.there.warehouse.kind, "--json"])
    [line] = map(json.loads, done.stdout.splitlines())
    assert (line["name"], line["action"], line["written"], line["rows"]) == ("raw.orders", "copied", True, 11)
    tables = {"orders": 2, "orders__lines": 3, "orders__lines__tags": 6}
    assert line["metadata"] == {"tables": tables, "attempts": 1}
    assert f"Now set `warehouse: {pair.there.warehouse.kind}`" in done.stderr
    assert "already" in str(CliRunner().invoke(app, ["copy", "shop", "--to", pair.there.warehouse.kind]).exception)
    assert "accepted: duckdb" in str(CliRunner().invoke(app, ["copy", "shop", "--to", "oracle"]).exception)


def test_the_audit_trail_is_copied_once(pair: Pair) -> None:
    """Every attempt of the table is in the other warehouse, and nothing that dlt has stored of the rows' own load."""
    Table(pair.here).declare("append")
    Table(pair.here).load(1, 2)
    assert copy(pair).attempts == 1
    trails = [read_trail(tree.warehouse, "raw.orders").attempts for tree in (pair.here, pair.there)]
    assert [attempt.id for attempt in trails[0]] == [attempt.id for attempt in trails[1]]
    assert pair.there.query("select distinct schema_name from raw._dlt_loads") == ["orders"]
    assert pair.there.query("select distinct schema_name from raw._dlt_version") == ["orders"]


def test_a_table_that_is_there_is_left_as_it_is(pair: Pair) -> None:
    """Whether a load has filled it or somebody else; the message says where it is."""
    Table(pair.here).declare("append")
    Table(pair.here).load(1, 2)
    Table(pair.there).load(1)
    with pytest.raises(LoadError, match=r"raw.orders is in .* already; nothing was written"):
        copy(pair)
    assert pair.there.query("select id from raw.orders") == [1]
    with pytest.raises(LoadError, match="a copy goes to another warehouse"):
        copy(Pair(pair.here, pair.here))


def test_what_has_not_landed_or_is_no_table_is_refused(pair: Pair) -> None:
    """A table without a load, and the tables of a vault; a column of nanoseconds would be cut."""
    Table(pair.here).declare("append")
    with pytest.raises(LoadError, match=r"no load has landed in .*; nothing to copy"):
        copy(pair)
    pair.here.write("dlthub/tags.yaml", "orders: {requires: {id: bigint}}")
    pair.here.add("shop", f"resources:\n  - {VAULT}")
    with pytest.raises(LoadError, match="the tables of a vault cannot be copied"):
        copy(pair)


def test_a_nested_table_without_rows_is_copied(from_postgres: Pair) -> None:
    """It has columns, and rows may come again."""
    Table(from_postgres.here).declare("append")
    Table(from_postgres.here).load(1, 2)
    from_postgres.here.query("delete from raw.orders__lines__tags")
    assert copy(from_postgres).tables["orders__lines__tags"] == 0
    Table(from_postgres.there).load(3)
    assert from_postgres.there.query("select count(*) from raw.orders__lines__tags") == [6]


def test_a_load_that_lands_meanwhile_ends_the_copy(
    from_postgres: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine adds a row after the rows were copied: the copy is dropped, and can be repeated."""
    Table(from_postgres.here).declare("append")
    Table(from_postgres.here).load(1, 2)
    assert isinstance(from_postgres.here, PostgresTree)
    machine = Table(PostgresTree(tmp_path / "other", from_postgres.here.settings))
    machine.declare("append")
    read = read_content

    def read_after_a_load(*arguments: Any) -> Content:
        monkeypatch.setattr(module, "read_content", read)
        machine.load(1, 2, 3)
        return read(*arguments)

    monkeypatch.setattr(module, "read_content", read_after_a_load)
    with pytest.raises(LoadError, match=r"2 rows became|3 rows became 2"):
        copy(from_postgres)
    assert copy(from_postgres).tables["orders"] == 3


def _die_before_the_state(pair: Pair) -> None:
    setattr(module, "land_without_rows", lambda *_arguments: os._exit(9))  # noqa: B010 - as a kill would
    copy(pair)


def test_a_copy_that_is_killed_is_no_table_of_a_run(pair: Pair) -> None:
    """Its rows are there without the cursor: a run refuses them, and so does another copy."""
    Table(pair.here).declare("append")
    Table(pair.here).load(1, 2)
    process = multiprocessing.get_context("spawn").Process(target=_die_before_the_state, args=(pair,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert pair.there.query("select id from raw.orders order by 1") == [1, 2]
    with pytest.raises(LoadError, match="2 rows that this project has not loaded"):
        Table(pair.there).load(1, 2, 3)
    with pytest.raises(LoadError, match="If it is not needed, drop it there"):
        copy(pair)


DIFFERENT = {
    "a value": [{"id": 1, "j": '{"a": 1}'}, {"id": 3, "j": None}],
    "a row less": [{"id": 1, "j": '{"a": 1}'}],
    "a row twice": [{"id": 1, "j": '{"a": 1}'}, {"id": 1, "j": '{"a": 1}'}],
    "a type in JSON": [{"id": 1, "j": '{"a": "1"}'}, {"id": 2, "j": None}],
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_a_difference_is_found(case: str) -> None:
    """In values, in the number of rows, and inside of JSON, whose spelling and order do not count."""
    columns: Any = {"id": {"data_type": "bigint"}, "j": {"data_type": "json"}}
    page = pa.Table.from_pylist([{"id": 1, "j": '{"a": 1}'}, {"id": 2, "j": None}])
    turned = pa.Table.from_pylist([{"id": 2, "j": None}, {"id": 1, "j": '{ "a":1.0 }'}])
    assert Content().plus(page, columns) == Content().plus(turned, columns)
    assert Content().plus(page, columns) != Content().plus(pa.Table.from_pylist(DIFFERENT[case]), columns)


def test_nanoseconds_are_refused() -> None:
    """Python's times, by which rows travel, end at microseconds."""
    columns: Any = {"at": {"name": "at", "data_type": "timestamp", "precision": 9, "nullable": True}}
    with pytest.raises(LoadError, match="orders: at has nanoseconds, which a copy would cut off"):
        loaded_columns({"name": "orders", "columns": columns})
