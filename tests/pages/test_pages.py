"""Tests of what the pages show: of each warehouse, while a load runs, and when something is broken."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from filelock import FileLock
from starlette.testclient import TestClient

from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import list_relations
from data_foundation.inspection.select import read_select
from data_foundation.ui import look
from data_foundation.ui.app import build_app
from data_foundation.ui.guard import ENTER
from data_foundation.warehouses.settings import ENGINES
from tests.inspection.test_data_commands import execute
from tests.support.lakes import LakeTree, ParquetTree
from tests.support.shop_history import make_history
from tests.support.trees import Tree

HERE, TOKEN = "http://127.0.0.1:3100", "token"
SHOP = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append, child_tables: [lines]}]"
ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "<script>alert(1)</script>", "lines": [{"sku": "a"}]},
    {"id": 2, "name": None},
]


def load(tree: Tree, rows: list[dict[str, Any]] = ROWS) -> None:
    """Loads rows into raw.orders."""
    tree.add("shop", SHOP)
    tree.give("shop", rows)
    tree.load("shop.orders", run_id="test")


def visit(tree: Tree) -> TestClient:
    """Returns a browser that has opened the pages of a project."""
    client = TestClient(build_app(tree.root, tree.warehouse, 3100, TOKEN), base_url=HERE)
    client.get(ENTER + TOKEN)
    return client


TREES: dict[str, Callable[[pytest.FixtureRequest, Path], Tree]] = {
    "duckdb": lambda _request, folder: Tree(folder),
    "postgres": lambda request, _folder: request.getfixturevalue("postgres_tree"),
    "delta": lambda _request, folder: LakeTree(folder),
    "parquet": lambda _request, folder: ParquetTree(folder),
}


@pytest.mark.parametrize("kind", TREES)
def test_every_warehouse_shows_its_tables(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Tables with their rows and loads, the page of a table, loads and SQL are those of the warehouse."""
    load(tree := TREES[kind](request, tmp_path))
    client = visit(tree)
    tables = client.get("/").text
    assert 'href="/table/raw.orders"' in tables
    assert ">2</td>" in tables.replace("\n", "").replace(" ", "")
    assert "badge loaded" in tables
    page = client.get("/table/raw.orders")
    assert page.status_code == 200
    assert '<th scope="col" class="number">id</th>' in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script" not in page.text
    assert "Rows of 1 loads from " in page.text
    lines = client.get("/table/raw.orders__lines").text
    assert lines.index("<summary>orders__lines") < lines.index("<summary>orders <")
    assert "raw.orders" in client.get("/loads").text
    answer = client.post("/sql", data={"sql": "select count(*) as n from raw.orders"})
    assert '<td class="number">2</td>' in answer.text
    assert f"in the SQL of {'PostgreSQL' if kind == 'postgres' else 'DuckDB'};" in answer.text


def test_a_deployment_queries_its_own_table(tree: Tree) -> None:
    """From a table of a developer one comes to a SELECT from the developer's schema, not from production's."""
    tree.add("shop", SHOP)
    warehouse = replace(tree.warehouse, suffix="__anna")
    client = TestClient(build_app(tree.root, warehouse, 3100, TOKEN), base_url=HERE)
    client.get(ENTER + TOKEN)
    sql = quote("select * from raw__anna.orders")
    assert f'href="/sql?sql={sql}"' in client.get("/table/raw.orders").text


def test_what_needs_a_person_is_marked(tree: Tree) -> None:
    """A table that is overdue, one that was never loaded, a failed load and a changed schema are named."""
    (tree.root / "data").mkdir()
    make_history(tree, 9)
    client = visit(tree)
    tables = client.get("/").text
    assert [state in tables for state in ("badge overdue", "badge not-loaded", "badge loaded")] == [True] * 3
    assert "raw.shop_orders" not in client.get("/?state=overdue").text
    assert "raw.stock_levels" not in client.get("/?q=SHOP").text
    page = client.get("/table/raw.shop_orders").text
    assert "new column shop_orders.currency text" in page
    assert "Number of the order." in page
    assert "RequiredColumnsMissing" in page
    assert page.count('class="point failed"') == 2
    assert client.get("/loads?failed=1").text.count("badge failed") == 1


def test_nothing_was_loaded(tree: Tree) -> None:
    """An empty repository has pages that say what to do next."""
    (tree.root / "dlthub").mkdir()
    client = visit(tree)
    assert "There are no tables yet." in client.get("/").text
    assert "Nothing was loaded yet." in client.get("/loads").text
    missing = client.get("/table/raw.orders")
    assert (missing.status_code, "there is no table raw.orders in" in missing.text) == (404, True)
    assert client.get("/table/orders").status_code == client.get("/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("delete from raw.orders", "accepted is one SELECT"),
        ("select * from raw.missing", "the warehouse refuses the query"),
        ("", "accepted is one SELECT"),
    ],
)
def test_a_select_that_is_refused_says_why(sql: str, reason: str, tree: Tree) -> None:
    """The page of a refused statement has the reason and the text, and no row has changed."""
    load(tree)
    answer = visit(tree).post("/sql", data={"sql": sql})
    assert (answer.status_code, reason in answer.text) == (400, True)
    assert tree.query("SELECT count(*) FROM raw.orders") == [2]


@pytest.mark.rare
def test_a_load_that_holds_the_file_is_not_waited_for(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a load holds the DuckDB file the pages come soon, with this machine's loads; afterwards they are whole."""
    monkeypatch.setattr(look, "SECONDS", 0.3)
    load(tree)
    client = visit(tree)
    with FileLock(f"{Path(tree.warehouse.path).resolve()}.lock"):
        tables, page = client.get("/").text, client.get("/table/raw.orders").text
        assert "has not answered for 0.3 s" in tables
        assert "badge loaded" in tables
        assert "Rows of 1 loads" in page
        assert "has not answered" in client.post("/sql", data={"sql": "select 1"}).text
    monkeypatch.setattr(look, "SECONDS", 60.0)
    for path in ("/", "/table/raw.orders"):
        assert "has not answered" not in client.get(path).text


def test_the_file_is_free_between_pages(tree: Tree) -> None:
    """No page keeps the DuckDB file open: a load beside it gets the file at once."""
    load(tree)
    client = visit(tree)
    for path in ("/", "/table/raw.orders", "/loads"):
        client.get(path)
        with FileLock(f"{Path(tree.warehouse.path).resolve()}.lock", timeout=0):
            pass
    tree.load("shop.orders", run_id="again")
    assert ">4</td>" in client.get("/").text.replace("\n", "").replace(" ", "")


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "postgres": (
        {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "1", "POSTGRES_DATABASE": "x", "POSTGRES_USER": "u",
         "POSTGRES_PASSWORD": "hidden-password"},
        "cannot be reached",
    ),
    "snowflake": ({}, "needs SNOWFLAKE_ACCOUNT"),
    "lake": ({}, "needs LAKE_URL"),
    "duckdb": ({}, "cannot be opened"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_warehouse_that_cannot_be_used_is_named(kind: str, tree: Tree) -> None:
    """Every page says what is wrong with the warehouse, without a secret, and shows what is configured."""
    settings, reason = BROKEN[kind]
    tree.add("shop", SHOP)
    (tree.root / "data").mkdir()
    (tree.root / "data" / "warehouse.duckdb").write_text("no database")
    warehouse = ENGINES[kind].of(tree.root, settings, suffix="", others=build_nothing)
    client = TestClient(build_app(tree.root, warehouse, 3100, TOKEN), base_url=HERE)
    client.get(ENTER + TOKEN)
    answers = [client.get("/"), client.get("/table/raw.orders"), client.post("/sql", data={"sql": "select 1"})]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    for answer in answers:
        assert reason in answer.text
        assert "hidden-password" not in answer.text
    assert "raw.orders" in answers[0].text
    assert "badge not-loaded" not in answers[0].text


def build_nothing(name: str) -> Any:
    """Fails: these warehouses have no others."""
    raise AssertionError(name)


SLOW = {
    "duckdb": "SELECT count(*) FROM range(1000000000000) a, range(1000000) b",
    "postgres": "SELECT pg_sleep(60)",
}


def test_a_query_that_takes_too_long_is_stopped(any_tree: Tree) -> None:
    """The warehouse itself stops a query at its limit, and the next one runs."""
    load(any_tree)
    warehouse = any_tree.warehouse
    with pytest.raises(FoundationError, match="took longer than 1 s, and was stopped"):
        read_select(warehouse, SLOW[warehouse.kind], 1, seconds=1)
    assert read_select(warehouse, "SELECT 1 AS n", 1, seconds=1).rows == ((1,),)
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]


def test_rows_are_counted_and_views_are_not(any_tree: Tree) -> None:
    """A table has its exact number of rows, after deletions too; a view is named; tables of dlt are not."""
    load(any_tree, [{"id": number} for number in range(50)])
    execute(any_tree, "DELETE FROM raw.orders WHERE id > 9", "CREATE VIEW raw.recent AS SELECT * FROM raw.orders")
    found = {one.name.table: (one.rows, one.is_view) for one in list_relations(any_tree.warehouse, [], 10)}
    assert found == {"orders": (10, False), "recent": (None, True), "_load_audit": (1, False)}


def test_a_deployment_shows_its_own_tables(any_tree: Tree) -> None:
    """In dev there are the tables of the person, and not those of production or of a colleague."""
    load(any_tree)
    for schema in ("raw__anna", "raw__bert"):
        execute(any_tree, f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.orders AS SELECT 7 AS id")
    dev = replace(any_tree.warehouse, suffix="__anna")
    assert [str(one.name) for one in list_relations(dev, [], 10)] == ["raw__anna.orders"]
    own = {one.name.dataset for one in list_relations(any_tree.warehouse, [], 10)}
    assert own == ({"raw", "raw__anna", "raw__bert"} if any_tree.warehouse.is_exclusive else {"raw"})


def test_tables_of_a_lake_in_two_datasets_are_kept_apart(tmp_path: Path) -> None:
    """A table of another dataset has its own rows, although a table of the same name is in raw."""
    lake = LakeTree(tmp_path)
    load(lake)
    lake.add("other", SHOP.replace("raw.orders", "sales.orders"))
    lake.give("other", [{"id": number, "name": "x"} for number in range(5)])
    lake.load("other.orders", run_id="test")
    client = visit(lake)
    assert "5</td>" in client.get("/").text.replace("\n", "").replace(" ", "")
    assert client.get("/table/sales.orders").text.count("<td>x</td>") == 5
    assert client.get("/table/raw.orders").text.count("<td>x</td>") == 0
