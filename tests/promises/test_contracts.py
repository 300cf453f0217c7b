"""Schema contracts: the same for dicts and for Arrow tables; discarded rows and values are reported."""

from collections.abc import Sequence
from typing import Any

import dlt
import pytest

from data_foundation.errors import ValueRefused
from data_foundation.naming import TableName, schema_name
from data_foundation.rows.intake_step import find_intake
from tests.support.resources import build
from tests.support.trees import Tree

DATA = """
import pyarrow as pa

PAGES = {pages}


def dicts():
    yield from PAGES


def frames():
    for page in PAGES:
        names = dict.fromkeys(name for row in page for name in row)
        yield pa.table({{name: [row.get(name) for row in page] for name in names}})
"""
KINDS = pytest.mark.parametrize("kind", ["dicts", "frames"])


def give(tree: Tree, kind: str, contract: str, *pages: Sequence[dict[str, Any]]) -> None:
    """Sets the rows and the contract of the next load."""
    yaml = f"resources: [{{entry: data.{kind}, destination: raw.t, schema_contract: {contract}}}]"
    tree.add("s", yaml, DATA.format(pages=[list(page) for page in pages]))


def land(tree: Tree, kind: str, contract: str, *pages: Sequence[dict[str, Any]]) -> None:
    """Loads pages with a contract."""
    give(tree, kind, contract, *pages)
    tree.load("s.t")


def warnings_of(tree: Tree) -> list[str]:
    """Extracts the rows and returns the warnings."""
    task = tree.task("s.t")
    resource = build(task)
    (tree.root / "data").mkdir(exist_ok=True)
    pipeline = dlt.pipeline(
        TableName("raw", "t").pipeline,
        pipelines_dir=str(tree.root / "asked"),
        destination=dlt.destinations.duckdb(tree.warehouse.path),
        dataset_name="raw",
    )
    pipeline.sync_destination()
    pipeline.extract(resource, schema=dlt.Schema(schema_name("t")))
    return find_intake(resource).warnings()


KNOWN = [{"k": 1, "x": 1}]
NEW_COLUMN = [{"k": 2, "x": 2}, {"k": 3, "x": 3, "y": "new"}]
NEW_TYPE = [{"k": 2, "x": "a"}]
KEPT, ROW_KEPT = [(1, 1), (2, 2), (3, 3)], [(1, 1), (2, 2)]
DISCARDED: dict[str, Any] = {
    "a value of a new column": (
        "{columns: discard_value}",
        NEW_COLUMN,
        KEPT,
        "y: a new column (schema_contract columns: discard_value)",
    ),
    "a row with a new column": (
        "{columns: discard_row}",
        NEW_COLUMN,
        ROW_KEPT,
        "y: a new column (schema_contract columns: discard_row)",
    ),
    "a value of a new type": (
        "{data_type: discard_value}",
        NEW_TYPE,
        [(1, 1), (2, None)],
        "x: a value of another type (schema_contract data_type: discard_value)",
    ),
    "a row with a new type": (
        "{data_type: discard_row}",
        NEW_TYPE,
        [(1, 1)],
        "x: a value of another type (schema_contract data_type: discard_row)",
    ),
}


@pytest.mark.sampled(3)
@KINDS
@pytest.mark.parametrize("case", DISCARDED)
def test_a_contract_discards_with_a_warning(tree: Tree, kind: str, case: str) -> None:
    """Only what the contract names is discarded; a warning gives the count."""
    contract, page, landed, warning = DISCARDED[case]
    land(tree, kind, "evolve", KNOWN)
    give(tree, kind, contract, page)
    assert warnings_of(tree) == [f"1 times discarded: {warning}"]
    tree.load("s.t")
    assert tree.query("select k, x from raw.t order by k") == landed
    assert tree.query("select count(*) from information_schema.columns where column_name = 'y'") == [0]


FROZEN: dict[str, Any] = {
    "a new column": (
        "{columns: freeze}",
        NEW_COLUMN,
        "row [12], column y: a new column, which schema_contract columns: freeze",
    ),
    "a new type": (
        "{data_type: freeze}",
        NEW_TYPE,
        "row 1, column x: a value of another type, which schema_contract data_type: freeze",
    ),
}


@KINDS
@pytest.mark.parametrize("case", FROZEN)
def test_a_frozen_contract_refuses(tree: Tree, kind: str, case: str) -> None:
    """A frozen change fails the load with resource, row and column; the table is unchanged."""
    contract, page, message = FROZEN[case]
    land(tree, kind, "evolve", KNOWN)
    give(tree, kind, contract, page)
    with pytest.raises(ValueRefused, match=f"^raw.t: {message} forbids; let it in with evolve"):
        tree.load("s.t")
    assert tree.query("select k, x from raw.t") == [(1, 1)]


@KINDS
@pytest.mark.parametrize("contract", ["freeze", "discard_row", "discard_value"])
def test_rows_without_changes_pass_every_contract(tree: Tree, kind: str, contract: str) -> None:
    """Rows of the known schema land: values of the right type, columns with nulls only, missing columns."""
    land(tree, kind, "evolve", [{"k": 1, "x": 1, "z": "a"}])
    land(tree, kind, contract, [{"k": 2, "x": 2, "y": None}, {"k": 3, "x": None}])
    assert tree.query("select k, x, z from raw.t order by k") == [(1, 1, "a"), (2, 2, None), (3, None, None)]


@KINDS
@pytest.mark.parametrize("mode", ["freeze", "discard_row", "discard_value"])
def test_a_new_table_gets_all_columns_of_its_first_load(tree: Tree, kind: str, mode: str) -> None:
    """Contracts on columns and types apply from the second load on; the first load creates the columns."""
    land(tree, kind, f"{{columns: {mode}, data_type: {mode}}}", KNOWN, [{"k": 2, "x": 2, "y": "late"}])
    assert tree.query("select k, x, y from raw.t order by k") == [(1, 1, None), (2, 2, "late")]


@KINDS
@pytest.mark.parametrize("mode", ["discard_row", "discard_value"])
def test_a_contract_discards_a_new_table(tree: Tree, kind: str, mode: str) -> None:
    """If new tables are discarded, no table is created, and a warning counts the rows."""
    give(tree, kind, f"{{tables: {mode}}}", KNOWN)
    assert warnings_of(tree) == [f"1 times discarded: a new table (schema_contract tables: {mode})"]
    tree.load("s.t")
    assert tree.query("select count(*) from information_schema.tables where table_name = 't'") == [0]


@KINDS
def test_a_frozen_contract_refuses_a_new_table(tree: Tree, kind: str) -> None:
    """A new table is a change too."""
    give(tree, kind, "{tables: freeze}", KNOWN)
    with pytest.raises(ValueRefused, match=r"^raw\.t: a new table, which schema_contract tables: freeze forbids"):
        tree.load("s.t")


NESTED = [
    {"k": 2, "o": {"a": 1, "b": 2}, "items": [{"n": 1}, {"n": "a"}, {"n": 3, "m": 4}]},
    {"k": 3, "items": [{"n": 5}], "more": [1, 2]},
]
TRIMMED: dict[str, Any] = {
    "{columns: discard_value}": ([2, 3], [None, 1, 3, 5], {"o.b", "items[].m"}),
    "{columns: discard_row}": ([3], [5], {"o.b", "items[].m"}),
    "{data_type: discard_value}": ([2, 3], [None, 1, 3, 5], {"items[].n"}),
    "{data_type: discard_row}": ([2, 3], [1, 3, 5], {"items[].n"}),
    "{tables: discard_value}": ([2, 3], [None, 1, 3, 5], {"more[]"}),
    "{tables: discard_row}": ([2, 3], [None, 1, 3, 5], {"more[]"}),
}


@pytest.mark.parametrize("contract", TRIMMED)
def test_a_contract_applies_to_nested_rows(tree: Tree, contract: str) -> None:
    """Contracts apply to objects and lists in rows: values, rows and tables of children."""
    keys, items, reported = TRIMMED[contract]
    land(tree, "dicts", "evolve", [{"k": 1, "o": {"a": 0}, "items": [{"n": 0}]}])
    give(tree, "dicts", contract, NESTED)
    assert {warning.split(": ")[1] for warning in warnings_of(tree)} >= reported - (
        {"items[].m"} if len(keys) == 1 else set()
    )
    tree.load("s.t")
    assert tree.query("select k from raw.t where k > 1 order by k") == keys
    assert sorted(tree.query("select n from raw.t__items where n is distinct from 0"), key=str) == sorted(
        items, key=str
    )


@pytest.mark.parametrize(("mode", "key"), [("columns", "items[].m"), ("data_type", "items[].n"), ("tables", "more[]")])
def test_a_frozen_contract_names_nested_values(tree: Tree, mode: str, key: str) -> None:
    """The error contains the path of a nested value."""
    land(tree, "dicts", "evolve", [{"k": 1, "o": {"a": 0, "b": 0}, "items": [{"n": 0}]}])
    give(tree, "dicts", f"{{{mode}: freeze}}", NESTED)
    row = 2 if key == "more[]" else 1
    with pytest.raises(ValueRefused) as refused:
        tree.load("s.t")
    assert str(refused.value).startswith(f"raw.t: row {row}, column {key}: a ")


def test_frames_among_dicts_are_a_warning(tree: Tree) -> None:
    """Arrow tables in a table of dict rows are converted to dicts, which is slower, with a warning."""
    land(tree, "dicts", "evolve", KNOWN)
    give(tree, "frames", "evolve", KNOWN)
    (warning,) = warnings_of(tree)
    assert warning.startswith("frames were taken apart into dicts")
