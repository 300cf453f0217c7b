"""Tests of resources that stand for many tables: `foundation discover`, and the resources it creates."""

import sys
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.cli.main import main
from data_foundation.errors import ConfigError, FoundationError, LoadError
from data_foundation.orchestration.factory import build_definitions
from data_foundation.project.discovery.discover import discover
from data_foundation.project.source import load_source_config
from tests.support.postgres_server import PostgresServer
from tests.support.sql_sources import SqlTree, database, file, run_sqlite, sql_server, sql_tree

__all__ = ["database", "file", "sql_server", "sql_tree"]

MANY = """
resources:
  - entry: data_foundation.readers.sql.get_table
    kwargs: {{connection: sales_db, tables: {tables}}}
    destination: raw.crm_{{table}}
    write_disposition: merge
"""
TABLES = """
CREATE TABLE crm_orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO crm_orders VALUES (1, 'x'), (2, 'y');
CREATE TABLE "CRM_Lines" (line INTEGER, order_id INTEGER, PRIMARY KEY (order_id, line));
INSERT INTO "CRM_Lines" VALUES (1, 1);
CREATE TABLE crm_tmp (a INTEGER); CREATE TABLE other (a INTEGER PRIMARY KEY);
"""


def declare(tree: SqlTree, tables: str = '["crm_*", "!crm_tmp*"]', more: str = "") -> Path:
    """Writes the source `shop` with a resource that stands for many tables."""
    return tree.add("shop", MANY.format(tables=tables) + more)


def test_each_table_that_matches_is_a_resource(sql_tree: SqlTree, file: Path) -> None:
    """Each discovered table becomes an asset and a table of its own, with the primary key of the database."""
    run_sqlite(file, TABLES)
    declare(sql_tree)
    (found,) = discover(sql_tree.root, [])
    assert str(found) == "shop: raw.crm_{table}: 2 tables; new: CRM_Lines, crm_orders"
    file.rename(file.with_suffix(".away"))  # definitions need no connection
    config = load_source_config(sql_tree.root / "dlthub" / "shop")
    assert {resource.destination: resource.primary_key for resource in config.resources} == {
        "raw.crm_CRM_Lines": ("order_id", "line"),
        "raw.crm_crm_orders": ("id",),
    }
    keys = build_definitions(sql_tree.root, sql_tree.warehouse).resolve_all_asset_keys()
    assert {dg.AssetKey(["raw", "crm_crm_lines"]), dg.AssetKey(["raw", "crm_crm_orders"])} <= set(keys)
    file.with_suffix(".away").rename(file)
    assert sql_tree.load("shop.crm_crm_orders").rows == 2
    assert sql_tree.query("select id, note from raw.crm_crm_orders order by id") == [(1, "x"), (2, "y")]


def test_new_and_dropped_tables_are_named(sql_tree: SqlTree, file: Path) -> None:
    """New and dropped tables are named; if nothing changed, the file is not written."""
    run_sqlite(file, TABLES)
    folder = declare(sql_tree)
    list(discover(sql_tree.root, ["shop"]))
    written = (folder / "discovered.yaml").read_text()
    run_sqlite(file, "DROP TABLE crm_orders; CREATE TABLE crm_people (id INTEGER)")
    with pytest.raises(
        LoadError, match=r"has no table 'crm_orders'.*`foundation discover shop` updates the list of tables"
    ) as caught:
        sql_tree.load("shop.crm_crm_orders")
    assert "raw.crm_crm_orders" in str(caught.value)
    (found,) = discover(sql_tree.root, ["shop"])
    assert (found.new, found.gone) == (("crm_people",), ("crm_orders",))
    assert (folder / "discovered.yaml").read_text() != written
    with pytest.raises(ConfigError, match="merge needs a primary_key"):
        load_source_config(folder)
    (found,) = discover(sql_tree.root, ["shop"])
    assert str(found).endswith("nothing has changed")


def test_a_table_may_have_a_resource_of_its_own(sql_tree: SqlTree, file: Path) -> None:
    """A resource that names one table takes precedence over a pattern."""
    run_sqlite(file, TABLES)
    own = """
  - entry: data_foundation.readers.sql.get_table
    kwargs: {connection: sales_db, table: crm_orders}
    destination: raw.crm_crm_orders
    write_disposition: replace
"""
    folder = declare(sql_tree, more=own)
    list(discover(sql_tree.root, []))
    config = load_source_config(folder)
    assert [(one.destination, one.write_disposition.disposition) for one in config.resources] == [
        ("raw.crm_CRM_Lines", "merge"),
        ("raw.crm_crm_orders", "replace"),
    ]


def test_a_schema_of_postgresql_is_discovered(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """Tables and views are found, without partitions; the columns of a primary key keep their order."""
    sql_server.query(
        "CREATE SCHEMA crm; CREATE TABLE crm.orders (b int, a int, PRIMARY KEY (b, a));"
        "CREATE VIEW crm.v AS SELECT 1 AS x;"
        "CREATE TABLE crm.parts (d date PRIMARY KEY) PARTITION BY RANGE (d);"
        "CREATE TABLE crm.parts_24 PARTITION OF crm.parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"
        "CREATE TABLE elsewhere (a int)",
        database=database,
    )
    folder = declare(sql_tree, '"*", schema: crm')
    list(discover(sql_tree.root, ["shop"]))
    assert "raw.crm_{table}:\n  orders: [b, a]\n  parts: [d]\n  v: []\n" in (folder / "discovered.yaml").read_text()


def test_the_command_lists_new_tables(
    sql_tree: SqlTree, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foundation check` names the command to run, and `foundation discover` lists the new tables."""
    run_sqlite(file, TABLES)
    declare(sql_tree)
    monkeypatch.chdir(sql_tree.root)
    for command, message in (("check", "run `foundation discover shop`"), ("discover", "new: CRM_Lines, crm_orders")):
        monkeypatch.setattr(sys, "argv", ["foundation", command])
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        assert message in printed.out + printed.err
    sql_tree.check("shop")


WRONG: dict[str, tuple[str, str]] = {
    "matches-nothing": ('"erp_*"', r"no table in the search path matches erp_\*; there is CRM_Lines, crm_orders"),
    "no-pattern": ("7", "tables: got 7; accepted is a pattern"),
}


@pytest.mark.parametrize(("tables", "message"), WRONG.values(), ids=WRONG)
def test_a_pattern_that_finds_nothing_is_refused(sql_tree: SqlTree, file: Path, tables: str, message: str) -> None:
    """No file is written, and the error lists the tables that exist."""
    run_sqlite(file, TABLES)
    folder = declare(sql_tree, tables)
    with pytest.raises(FoundationError, match=message):
        list(discover(sql_tree.root, []))
    assert not (folder / "discovered.yaml").exists()


UNDECLARED: dict[str, tuple[str, str]] = {
    "not-discovered": ("raw.{table}", "no table is known yet; run `foundation discover shop`"),
    "one-destination": ("raw.all", "got 'raw.all'; with `tables` accepted is a name for each"),
}


@pytest.mark.parametrize(("destination", "message"), UNDECLARED.values(), ids=UNDECLARED)
def test_a_check_finds_undiscovered_patterns(sql_tree: SqlTree, destination: str, message: str) -> None:
    """The error is at the line of the pattern, and needs no connection."""
    folder = sql_tree.add("shop", MANY.format(tables='"*"').replace("raw.crm_{table}", destination))
    with pytest.raises(ConfigError, match=message):
        load_source_config(folder)


def test_an_invalid_file_of_discovered_tables_is_refused(sql_tree: SqlTree) -> None:
    """The error names the file and explains what to do."""
    folder = declare(sql_tree)
    (folder / "discovered.yaml").write_text('"raw.crm_{table}": [orders]')
    with pytest.raises(ConfigError, match=r"discovered\.yaml: is not in the form that discover writes"):
        load_source_config(folder)


@pytest.mark.parametrize(
    ("name", "message"), [("shpo", "Did you mean 'shop'"), ("plain", "no resource of plain stands for")]
)
def test_a_source_without_patterns_is_refused(sql_tree: SqlTree, name: str, message: str) -> None:
    """A misspelt source name, and a source without patterns, are refused."""
    declare(sql_tree)
    sql_tree.add("plain", "resources: [{entry: data.get_rows, destination: raw.a}]")
    with pytest.raises(FoundationError, match=message):
        list(discover(sql_tree.root, [name]))
