"""Tests of `foundation sql`, `show` and `schema`: what they print, and that they change nothing."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from data_foundation.audit.read import read_trail
from data_foundation.cli.audit_report import print_plots
from data_foundation.cli.main import app
from data_foundation.errors import FoundationError
from data_foundation.inspection.schema_history import read_history
from data_foundation.inspection.select import read_select
from data_foundation.inspection.tables import asset_of, find_table, show_table
from data_foundation.naming import TableName
from data_foundation.warehouses.connection import execute_all
from tests.support.trees import Tree

SHOP = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append, child_tables: [lines]}]"
ROWS = [{"id": 1, "amount": 2.5, "lines": [{"sku": "a"}]}, {"id": 2, "amount": 4.0, "lines": []}]


def load(tree: Tree, rows: list[dict[str, Any]] = ROWS) -> Tree:
    """Loads rows into raw.orders."""
    tree.add("shop", SHOP)
    tree.give("shop", rows)
    tree.load("shop.orders")
    return tree


def execute(tree: Tree, *statements: str) -> None:
    """Executes statements in the warehouse."""
    with tree.warehouse.open() as destination:
        execute_all(destination, "raw", [(statement, ()) for statement in statements])


@pytest.fixture
def foundation(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs a command in a repository with a loaded table."""
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tree.root))
    monkeypatch.chdir(load(tree).root)
    return lambda *arguments: CliRunner().invoke(app, arguments)


WRITES = [
    "delete from raw.orders",
    "update raw.orders set id = 3",
    "insert into raw.orders (id) select 9",
    "drop table raw.orders",
    "create table raw.x as select 1",
    "truncate raw.orders",
    "select 1; delete from raw.orders",
    "copy raw.orders to 'x.csv'",
    "attach 'x.duckdb'",
    "set threads = 1",
    "pragma threads = 1",
    "with x as (delete from raw.orders returning id) select * from x",
    "select * into raw.y from raw.orders",
    "call pragma_version()",
    "vacuum",
    "",
    "   ",
    "/* only a comment */",
    "begin",
    "install httpfs",
]


@pytest.mark.parametrize("statement", WRITES)
def test_whatever_could_change_something_is_refused(
    statement: str, foundation: Callable[..., Result], tree: Tree
) -> None:
    """Only one SELECT is executed: everything else is an error before the warehouse sees it, and no row changes."""
    done = foundation("sql", statement)
    assert done.exit_code == 1
    assert isinstance(done.exception, FoundationError)
    assert str(done.exception).startswith("sql: ")
    assert tree.query("SELECT id FROM raw.orders ORDER BY id") == [1, 2]


def test_a_function_that_writes_is_refused_by_the_warehouse(any_tree: Tree) -> None:
    """A SELECT runs in a transaction that only reads, so that a function in it cannot write either."""
    execute(load(any_tree), "CREATE SEQUENCE raw.numbers")
    with pytest.raises(FoundationError, match=r"(?i)read.only"):
        read_select(any_tree.warehouse, "SELECT nextval('raw.numbers')", 10)


QUERIES = {
    "plain": ("SELECT id, amount FROM raw.orders ORDER BY id", ("id", "amount"), ((1, 2.5), (2, 4.0))),
    "with": ("WITH x AS (SELECT id FROM raw.orders) SELECT max(id) AS newest FROM x", ("newest",), ((2,),)),
    "union": ("SELECT 1 AS n UNION ALL SELECT 2 ORDER BY n", ("n",), ((1,), (2,))),
    "nested table": ("SELECT sku FROM raw.orders__lines", ("sku",), (("a",),)),
    "a percent sign": ("SELECT 'a%' AS text WHERE 'ab' LIKE 'a%'", ("text",), (("a%",),)),
    "a comment and a semicolon": ("SELECT 1 AS n; -- all", ("n",), ((1,),)),
}


@pytest.mark.parametrize("case", QUERIES)
def test_a_select_has_its_rows_and_names(case: str, any_tree: Tree) -> None:
    """A SELECT of every form is executed as it is written, in DuckDB and in PostgreSQL."""
    sql, names, rows = QUERIES[case]
    found = read_select(load(any_tree).warehouse, sql, 10)
    assert (found.names, found.rows, found.is_cut) == (names, rows, False)


def test_more_rows_than_the_limit_are_said(foundation: Callable[..., Result]) -> None:
    """The first rows are printed, and a note says that there are more; as JSON each row is a line, and nothing else."""
    done = foundation("sql", "select id from raw.orders order by id", "--limit", "1")
    assert "only the first 1 row; --limit shows more" in done.stderr
    columns = "id, amount, date '2026-01-02' as day, null as none, '\u00e9' as text"
    done = foundation("sql", f"select {columns} from raw.orders order by id", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 1, "amount": 2.5, "day": "2026-01-02", "none": None, "text": "\u00e9"},
        {"id": 2, "amount": 4.0, "day": "2026-01-02", "none": None, "text": "\u00e9"},
    ]
    done = foundation("sql", "select 1 as a, 2 as a", "--json")
    assert str(done.exception) == "--json: two columns are called a; give one another name with AS"


def test_a_table_is_shown_by_its_configured_name(foundation: Callable[..., Result]) -> None:
    """`show` finds tables, nested ones too, and names the nearest one if there is none."""
    assert [
        json.loads(line)["sku"] for line in foundation("show", "raw.orders__lines", "--json").stdout.splitlines()
    ] == ["a"]
    assert "amount" in foundation("show", "raw.orders").stdout
    missing = foundation("show", "raw.order")
    assert str(missing.exception).startswith("there is no table raw.order in ")
    assert "Did you mean 'raw.orders'?" in str(missing.exception)


def test_a_table_of_the_deployment_is_shown_before_that_of_production(any_tree: Tree) -> None:
    """In dev, raw.orders is raw__anna.orders; a schema of another deployment can be named in full."""
    load(any_tree)
    assert show_table(any_tree.warehouse, "raw.orders", 1).is_cut
    execute(any_tree, "CREATE SCHEMA raw__anna", "CREATE TABLE raw__anna.orders AS SELECT 7 AS id")
    dev = replace(any_tree.warehouse, suffix="__anna")
    assert show_table(dev, "raw.orders", 5).rows == ((7,),)
    assert show_table(any_tree.warehouse, "raw__anna.orders", 5).rows == ((7,),)


def test_the_history_of_a_schema_names_each_change(any_tree: Tree) -> None:
    """A new table, a new column, a wider type and a nested table are lines of the version that brought them."""
    load(any_tree, [{"id": 1}])
    any_tree.give("shop", [{"id": 2, "note": "x"}])
    any_tree.load("shop.orders")
    any_tree.give("shop", [{"id": 3, "lines": [{"sku": "a"}]}])
    any_tree.load("shop.orders")
    versions = read_history(any_tree.warehouse, TableName("raw", "orders"))
    assert [version.changes for version in versions if version.changes] == [
        ("new table orders: id bigint",), ("new column orders.note text",), ("new table orders__lines: sku text",),
    ]  # fmt: skip
    assert [version.version for version in versions] == sorted(version.version for version in versions)
    with pytest.raises(FoundationError, match=r"raw\.other: no load has stored a schema of it"):
        read_history(any_tree.warehouse, TableName("raw", "other"))


def test_the_schema_is_printed(foundation: Callable[..., Result]) -> None:
    """`schema` prints columns and types, `--history` the changes, `--json` both."""
    assert "double" in foundation("schema", "raw.orders").stdout
    assert "new table orders: id bigint, amount double" in foundation("schema", "raw.orders", "--history").stdout
    [line] = foundation("schema", "raw.orders", "--json").stdout.splitlines()
    assert json.loads(line)["columns"]["orders"]["amount"]["data_type"] == "double"
    assert str(foundation("schema", "orders").exception).startswith("table 'orders': accepted is DATASET.TABLE")


@pytest.mark.parametrize(("command", "code"), [("plan", 2), ("check-data", 1)])
def test_a_broken_source_is_named(foundation: Callable[..., Result], tree: Tree, command: str, code: int) -> None:
    """What covers every source does not leave out a broken one without a word."""
    assert foundation(command).exit_code == 0
    tree.add("crm", "resources: [{entry: data.get_rows, destination: raw.people, write_disposition: upsrt}]")
    done = foundation(command, "--json")
    assert (done.exit_code, len(done.stdout.splitlines()) > 0) == (code, True)
    assert "upsrt" in done.stderr
    assert foundation(command, "shop").exit_code == 0


def test_the_loads_of_a_table_are_plotted(foundation: Callable[..., Result], tree: Tree) -> None:
    """Below the rows is a bar for each load, the highest for the most rows; not for nested tables, nor as JSON."""
    tree.give("shop", [{"id": number, "amount": 1.0, "lines": []} for number in range(20)])
    tree.load("shop.orders")
    shown = foundation("show", "raw.orders").stdout
    assert "2 loads" in shown
    assert re.search(r"rows +▂█ +2 +20 +20", shown)
    assert "loads" not in foundation("show", "raw.orders__lines").stdout
    assert "loads" not in foundation("show", "raw.orders", "--json").stdout


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_a_failed_load_has_a_bar_of_its_own(kind: str, request: pytest.FixtureRequest) -> None:
    """A load that failed counts for no smallest or largest value; a table without a successful load has no plot."""
    tree = load(request.getfixturevalue("tree" if kind == "duckdb" else "postgres_tree"))
    name = find_table(tree.warehouse, "raw.orders")
    [landed] = read_trail(tree.warehouse, asset_of(tree.warehouse, name)).attempts
    failed = replace(landed, status="failed", rows=900, id="failed")
    console = Console(width=100, file=StringIO())
    print_plots(console, [failed])
    assert console.file.getvalue() == ""  # type: ignore[attr-defined] # it is the one above
    print_plots(console, [landed, failed])
    assert re.search(r"rows +██ +2 +2 +2", console.file.getvalue())  # type: ignore[attr-defined] # the same
