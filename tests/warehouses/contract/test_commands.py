"""The contract: each command that shows something does so on every engine, through the real command line."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from data_foundation.cli.main import app
from data_foundation.inspection.tables import find_table
from data_foundation.ui.app import build_app
from data_foundation.ui.guard import ENTER
from data_foundation.warehouses.settings import build_warehouse
from tests.support.dlt_warehouses import DestinationTree
from tests.support.lakes import ParquetTree
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES, Engine

HERE = "http://127.0.0.1:3100"
# Settings name no general engine here: its server is a PostgreSQL, which has an engine of its own.
FORMATS = {**ENGINES, "parquet": Engine(lambda _request, _folder: ParquetTree)}
del FORMATS["general"]
SHOP = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    write_disposition: DISPOSITION
    child_tables: [lines]
    columns: {amount: {data_type: decimal, precision: 10, scale: 2}, at: {data_type: timestamp}, day: {data_type: date}}
"""
# A reserved word, a value of each type, a NULL, and what a page and a terminal have to escape.
ORDER: dict[str, Any] = {
    "id": 1, "select": "<b>[red]50%[/]</b>", "amount": "12.50", "at": "2026-01-02T03:04:05Z", "day": "2026-01-02",
    "paid": True, "ratio": 0.5, "lines": [{"sku": "a"}, {"sku": "b"}],
}  # fmt: skip
LATER: dict[str, Any] = {**ORDER, "id": 2, "ratio": None, "note": "\u00e9", "lines": []}


@dataclass(frozen=True)
class Shown:
    """A project with two loads of `raw.orders`, one row each; the second has brought the column `note`.

    Attributes:
        tree: The project, with its warehouse.
        settings: What its commands find in the environment.
    """

    tree: Tree
    settings: dict[str, str]

    def run(self, *arguments: str) -> Result:
        """Runs a command."""
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)

    def lines(self, *arguments: str) -> list[Any]:
        """Returns what a command prints as JSON; the case of names is the warehouse's."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output or done.exception
        return [{name.lower(): value for name, value in json.loads(line).items()} for line in done.stdout.splitlines()]

    def name(self, table: str) -> str:
        """Returns schema and table for SQL."""
        return str(find_table(build_warehouse(self.tree.root), table))

    def configure(self, disposition: str) -> None:
        """Changes how the next load writes."""
        self.tree.add("shop", SHOP.replace("DISPOSITION", disposition))


def settings_of(tree: Any) -> dict[str, str]:
    """Returns the settings that name the warehouse of a project."""
    warehouse = tree.warehouse
    found = {"DLT_PROJECT_DIR": str(tree.root)}
    deployed = {"DEPLOYMENT": "dev", "DEPLOYMENT_USER": warehouse.suffix.strip("_")}
    found |= deployed if warehouse.suffix else {"DEPLOYMENT": "production"}
    if isinstance(tree, DestinationTree):
        return {**found, "WAREHOUSE": tree.kind, f"DESTINATION__{tree.kind.upper()}__CREDENTIALS": tree.address}
    of_tree = getattr(tree, "settings", None) or getattr(getattr(tree, "account", None), "settings", {})
    if warehouse.kind == "duckdb":
        of_tree = {"DUCKDB_PATH": warehouse.path}
    return {**found, **of_tree, "WAREHOUSE": warehouse.kind}


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A loaded project on an engine: these tests only look at it."""
    folder: Path = tmp_path_factory.mktemp("shown")
    tree = FORMATS[request.param].share(request, folder)(folder / "here")
    shown = Shown(tree, settings_of(tree))
    shown.configure("append")
    for row in (ORDER, LATER):
        tree.give("shop", [row])
        tree.load("shop.orders", run_id="test")
    return shown


@pytest.fixture
def shown(loaded: Shown, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """The project, as its commands find it."""
    for name, value in loaded.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(loaded.tree.root)
    loaded.configure("append")
    loaded.tree.give("shop", [{**LATER, "id": 3, "amount": "1.00", "ratio": "much", "extra": 7}])
    return loaded


on_every_engine = pytest.mark.parametrize(
    "loaded",
    [pytest.param(name, marks=[] if name == "duckdb" else pytest.mark.rare, id=name) for name in FORMATS],
    indirect=True,
    scope="module",
)


@on_every_engine
def test_show(shown: Shown) -> None:
    """Rows have every value in its type, nested ones too; below the table each load has its bar."""
    first, later = sorted(shown.lines("show", "raw.orders"), key=lambda row: int(row["id"]))
    assert (first["id"], first["select"], later["note"], first["note"]) == (1, ORDER["select"], "\u00e9", None)
    assert (float(first["amount"]), first["ratio"], later["ratio"]) == (12.5, 0.5, None)
    assert (first["at"][:19].replace(" ", "T"), first["day"], bool(first["paid"])) == (
        "2026-01-02T03:04:05",
        "2026-01-02",
        True,
    )
    assert sorted(row["sku"] for row in shown.lines("show", "raw.orders__lines")) == ["a", "b"]
    printed = shown.run("show", "raw.orders")
    assert ORDER["select"] in printed.stdout
    assert "2 loads" in printed.stdout


@on_every_engine
def test_sql(shown: Shown) -> None:
    """One SELECT has its rows; a statement that writes is refused, and so is a table that does not exist."""
    orders, lines = shown.name("raw.orders"), shown.name("raw.orders__lines")
    assert shown.lines("sql", f"SELECT COUNT(*) AS n FROM {orders}") == [{"n": 2}]
    joined = f"SELECT o.id, COUNT(*) AS n FROM {orders} o JOIN {lines} l ON l._dlt_parent_id = o._dlt_id GROUP BY o.id"
    assert shown.lines("sql", joined) == [{"id": 1, "n": 2}]
    assert shown.lines("sql", f"SELECT id FROM {orders} ORDER BY id", "--limit", "1") == [{"id": 1}]
    assert "accepted is one SELECT" in str(shown.run("sql", f"DELETE FROM {orders}").exception)
    missing = shown.run("sql", f"SELECT * FROM {orders}_missing")
    assert (missing.exit_code, "refuses the query" in str(missing.exception)) == (1, True)
    assert shown.lines("sql", f"SELECT COUNT(*) AS n FROM {orders}") == [{"n": 2}]


@on_every_engine
def test_schema(shown: Shown) -> None:
    """The columns of a table, and of the history what each version has changed; a lake refuses, with what to do."""
    [newest] = shown.lines("schema", "raw.orders")
    types = {name: column["data_type"] for name, column in newest["columns"]["orders"].items()}
    assert types == {
        "id": "bigint", "select": "text", "amount": "decimal", "at": "timestamp", "day": "date", "paid": "bool",
        "ratio": "double", "note": "text",
    }  # fmt: skip
    history = shown.run("schema", "raw.orders", "--history")
    if shown.tree.warehouse.format:
        assert "leave out --history" in str(history.exception)
        return
    assert re.search(r"new table orders: .*amount decimal\(10, 2\)", history.stdout)
    assert "new table orders__lines: sku text" in history.stdout
    assert "new column orders.note text" in history.stdout


@on_every_engine
def test_plan(shown: Shown) -> None:
    """The next run is named with the rows that are there, and exits with 2 where it would lose them."""
    [plan] = shown.lines("plan", "shop")
    assert (plan["asset"], plan["action"], plan["rows"], plan["losses"], plan["refusal"]) == (
        "raw.orders", "add rows", 2, [], "",
    )  # fmt: skip
    assert plan["tables"] == {"raw.orders__lines": 2}
    shown.configure("replace")
    done = shown.run("plan", "shop")
    assert done.exit_code == 2
    assert "2 rows, and those of orders__lines, that were written by append are replaced" in done.stdout
    shown.configure("merge\n    primary_key: paid")
    done = shown.run("plan", "shop")
    # A lake is not queried for its keys.
    is_lake = bool(shown.tree.warehouse.format)
    assert (done.exit_code, "2 of 2 rows share their key paid" in done.stdout) == (0 if is_lake else 2, not is_lake)


@on_every_engine
def test_preview_with_its_difference(shown: Shown) -> None:
    """A new column, and a value that does not fit its column, are named as they would land; nothing is written."""
    [found] = shown.lines("preview", "shop", "--diff")
    assert len(found["changes"]) == 2
    assert "new column orders.extra bigint" in found["changes"]
    assert any("column orders.ratio is double: 1 of 1 values are text" in line for line in found["changes"])
    assert shown.lines("sql", f"SELECT COUNT(*) AS n FROM {shown.name('raw.orders')}") == [{"n": 2}]


def _squeeze(text: str) -> str:
    """Returns a page without spaces and without the places where a name may be broken."""
    return re.sub(r"\s|<wbr>", "", text)


@on_every_engine
def test_ui(shown: Shown) -> None:
    """Each page has what was loaded: tables, the page of a table and of a nested one, loads, and the SQL box."""
    warehouse = build_warehouse(shown.tree.root)
    client = TestClient(build_app(shown.tree.root, warehouse, 3100, "token"), base_url=HERE)
    client.get(f"{ENTER}token")
    tables = client.get("/").text
    assert '<ahref="/table/raw.orders">raw.orders</a>' in _squeeze(tables)
    assert ">2</td>" in _squeeze(tables)
    assert "badge loaded" in tables
    page = client.get("/table/raw.orders").text
    assert page.count("&lt;b&gt;[red]50%[/]&lt;/b&gt;</td>") == 2
    assert "Rows of 2 loads" in page
    assert ("new column orders.note" in page) is not bool(warehouse.format)
    assert client.get("/table/raw.orders__lines").text.count("<td>") >= 2
    assert client.get("/loads").text.count("badge loaded") == 2
    orders = shown.name("raw.orders")
    answer = client.post("/sql", data={"sql": f"select count(*) as n from {orders}"})
    assert (answer.status_code, '<td class="number">2</td>' in answer.text) == (200, True)
    assert client.post("/sql", data={"sql": f"delete from {orders}"}).status_code == 400


_EMPTY: dict[str, tuple[Callable[[Shown], Result], str]] = {
    "show": (lambda shown: shown.run("show", "raw.none"), "there is no table raw.none"),
    "schema": (lambda shown: shown.run("schema", "raw.none"), "no load has stored a schema"),
}


@on_every_engine
@pytest.mark.parametrize("command", _EMPTY)
def test_a_table_that_is_not_there(command: str, shown: Shown) -> None:
    """The error names the table and the warehouse, in a sentence."""
    run, message = _EMPTY[command]
    done = run(shown)
    assert done.exit_code == 1
    if command == "show" and shown.tree.warehouse.format:
        assert "none" in str(done.exception)
    else:
        assert message in str(done.exception)
