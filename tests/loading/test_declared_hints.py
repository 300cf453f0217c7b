"""Tests of dlt's hints in `sources.yaml`: each has its effect in the tables, or a message says that it has none."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_foundation.errors import EntryError, FoundationError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from tests.support.lakes import LakeTree, ParquetTree
from tests.support.trees import Tree

ROWS = [{"id": 1, "customer": 7, "lineItems": [{"Price": "1.5", "parts": [{"n": 3}]}]}]
ENTRY = "entry: data.get_rows, destination: raw.orders"
ENGINES = pytest.mark.parametrize("engine", ["columnar", pytest.param("dlt", marks=pytest.mark.rare)])


def load(tree: Tree, keys: str, rows: list[Any] = ROWS) -> tuple[str, ...]:
    """Loads rows into raw.orders with further keys, and returns the warnings."""
    tree.add("shop", f"resources: [{{{ENTRY}, {keys}}}]")
    tree.give("shop", rows)
    return tree.load("shop.orders").warnings


def types(tree: Tree, table: str) -> dict[str, str]:
    """Returns the types of a table's columns by name."""
    query = f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table}'"
    return dict(tree.query(query))


@ENGINES
def test_root_key_gives_nested_rows_the_id_of_their_root(tree: Tree, engine: str) -> None:
    """With `root_key: true` an append has _dlt_root_id in nested tables of every level, and without it has none."""
    load(tree, f"root_key: true, engine: {engine}")
    roots = "SELECT DISTINCT _dlt_root_id FROM raw.orders__line_items__parts"
    assert tree.query(roots) == tree.query("SELECT _dlt_id FROM raw.orders")


def test_without_root_key_an_append_has_no_root_ids(tree: Tree) -> None:
    """`root_key: false` is the default of an append."""
    load(tree, "root_key: false")
    assert "_dlt_root_id" not in types(tree, "orders__line_items")


@ENGINES
def test_nested_hints_decide_the_types_of_nested_tables(tree: Tree, engine: str) -> None:
    """Columns of nested tables of any level have the type that `nested_hints` gives them, in each load."""
    hints = "{lineItems: {columns: {Price: {data_type: decimal, precision: 10, scale: 2}}}, "
    hints += "lineItems.parts: {columns: {n: {data_type: text}}}}"
    for _ in range(2):
        load(tree, f"nested_hints: {hints}, engine: {engine}")
    assert types(tree, "orders__line_items")["price"] == "DECIMAL(10,2)"
    assert tree.query("SELECT n FROM raw.orders__line_items__parts") == ["3", "3"]


def test_nested_hints_override_those_of_the_code(tree: Tree) -> None:
    """Column by column `sources.yaml` wins over the code; what it does not name stays as the code declares it."""
    code = """
import dlt

HINTS = {"columns": [{"name": "a", "data_type": "text"}, {"name": "b", "data_type": "text"}]}


@dlt.resource(nested_hints={"items": HINTS, ("items", "parts"): dlt.mark.make_nested_hints(columns=[
    {"name": "n", "data_type": "text"}])})
def get_rows():
    yield {"id": 1, "items": [{"a": 1, "b": 2, "parts": [{"n": 3}]}]}
"""
    keys = "nested_hints: {items: {columns: {a: {data_type: double}}}}"
    tree.add("shop", f"resources: [{{{ENTRY}, {keys}}}]", code)
    tree.load("shop.orders")
    found = types(tree, "orders__items")
    assert (found["a"], found["b"]) == ("DOUBLE", "VARCHAR")
    assert types(tree, "orders__items__parts")["n"] == "VARCHAR"


def test_nested_hints_of_no_list_are_reported(tree: Tree) -> None:
    """A path that no row has is named by a warning: a misspelt one would leave the types to chance."""
    hints = "{lineItem: {columns: {n: {data_type: text}}}, lineItems: {columns: {Price: {data_type: double}}}}"
    [warning] = [text for text in load(tree, f"nested_hints: {hints}") if "nested_hints" in text]
    assert warning == "nested_hints: no row has had a list `lineItem`, so its types have no effect"


def test_references_are_stored_with_the_table(tree: Tree) -> None:
    """References are in dlt's schema in the warehouse, under the names of columns and tables there."""
    load(tree, "references: [{referenced_table: raw.Customers, columns: {customer}, referenced_columns: [ID]}]")
    [schema] = tree.query("SELECT schema FROM raw._dlt_version")
    expected = {"referenced_table": "customers", "columns": ["customer"], "referenced_columns": ["id"]}
    assert json.loads(schema)["tables"]["orders"]["references"] == [expected]


CURSOR = """
import dlt


@dlt.resource
def get_rows(cursor=dlt.sources.incremental("n", initial_value=2)):
    yield [{"n": n} for n in range(cursor.last_value, 5)]
"""


def test_incremental_true_is_the_cursor_of_the_code(tree: Tree) -> None:
    """With `incremental: true` two loads bring each row once, and the cursor is stored."""
    tree.add("shop", f"resources: [{{{ENTRY}, incremental: true}}]", CURSOR)
    cursors = [tree.load("shop.orders").cursor for _ in range(2)]
    assert cursors == [(None, 4), (4, 4)]
    assert tree.query("SELECT n FROM raw.orders ORDER BY n") == [2, 3, 4]


def test_incremental_true_without_a_cursor_in_the_code_is_refused(tree: Tree) -> None:
    """Code without a cursor would add all rows again with each load."""
    with pytest.raises(EntryError, match=r"incremental is true, and the code of entry .* has no cursor; name it"):
        load(tree, "incremental: true")


def test_a_cursor_without_a_name_is_not_adopted(tree: Tree) -> None:
    """A cursor stored under another path than the code's would add all rows again, so its path must be written."""
    tree.add("shop", f"resources: [{{{ENTRY}, incremental: true}}]", CURSOR)
    Path(tree.warehouse.path).parent.mkdir(parents=True)
    with duckdb.connect(tree.warehouse.path) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE TABLE raw.orders AS SELECT 3 AS n")
    assert tree.adopt("shop.orders", cursor="n").refusal.endswith("`incremental: {cursor_path: ...}` in place of true")
    tree.add("shop", f"resources: [{{{ENTRY}, incremental: {{cursor_path: n}}}}]", CURSOR)
    assert tree.adopt("shop.orders", cursor="n").cursors == {"n": 3}


@pytest.mark.parametrize("file_format", ["parquet", pytest.param("preferred", marks=pytest.mark.rare)])
def test_rows_travel_as_parquet(tmp_path: Any, file_format: str) -> None:
    """The accepted values of `file_format` name the format of the files in a lake."""
    lake = ParquetTree(tmp_path)
    load(lake, f"file_format: {file_format}")
    suffixes = {file.suffix for file in (lake.lake / "raw" / "orders").iterdir() if file.is_file()}
    assert suffixes == {".parquet"}


def test_table_format_is_that_of_the_lake(tmp_path: Any) -> None:
    """`table_format: delta` lands as Delta in a lake of that format, and without a warning."""
    lake = LakeTree(tmp_path)
    assert load(lake, "table_format: delta") == ()
    assert (lake.lake / "raw" / "orders" / "_delta_log").is_dir()


def test_a_table_format_of_another_lake_is_refused(tmp_path: Any) -> None:
    """A lake of parquet files refuses `table_format: delta`, and says which setting decides."""
    with pytest.raises(
        FoundationError, match="table_format is delta, and the tables of this lake are parquet files; set"
    ):
        load(ParquetTree(tmp_path), "table_format: delta")


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ("table_format: delta", 1),
        pytest.param("table_format: native", 0, marks=pytest.mark.rare),
        pytest.param("file_format: parquet", 0, marks=pytest.mark.rare),
    ],
)
def test_a_format_without_effect_is_reported(tree: Tree, keys: str, count: int) -> None:
    """A database has its own format of tables: `delta` is named by a warning, and `native` has its effect."""
    warnings = load(tree, keys, [{"id": 1}])
    assert len([text for text in warnings if "table_format: delta has no effect, as tables of duckdb" in text]) == count


ONE_AT_A_TIME = """
import threading
import time

SOMEBODY_ELSE = threading.Lock()
BOTH = threading.Barrier(2)


def alone(name):
    assert SOMEBODY_ELSE.acquire(blocking=False), "another resource is loading"
    time.sleep(0.2)
    yield {"name": name}
    SOMEBODY_ELSE.release()


def together(name):
    BOTH.wait(timeout=20)
    yield {"name": name}
"""


@pytest.mark.parametrize(("parallelized", "entry"), [("false", "alone"), ("true", "together")])
def test_parallelized_decides_whether_resources_load_side_by_side(tree: Tree, parallelized: str, entry: str) -> None:
    """With false no two resources of the folder are extracted at the same time; with true they are."""
    resources = "".join(f"  raw.{name}: {{entry: data.{entry}, args: [{name}]}}\n" for name in ("a", "b"))
    block = f"sources: {{shop: {{resources: [raw.a, raw.b], parallelized: {parallelized}}}}}\n"
    tree.add("shop", f"{block}resources:\n{resources}", ONE_AT_A_TIME)
    tasks = [tree.task(f"shop.{name}") for name in ("a", "b")]
    outcomes = [event for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
    assert [outcome.error for outcome in outcomes] == [None, None]
