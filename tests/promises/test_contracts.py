"""A schema contract means the same for rows that are dicts and for Arrow tables, and what it lets go is told."""

from collections.abc import Sequence
from typing import Any

import dlt
import pytest

from data_foundation.errors import ValueRefused
from data_foundation.loading.dlt_resource import Call, build_resource
from data_foundation.loading.ranges.load_range import LoadRange
from data_foundation.naming import TableName, schema_name
from data_foundation.rows.intake_step import find_intake
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
    """Decides what the next load finds, and under which contract."""
    yaml = f"resources: [{{entry: data.{kind}, destination: raw.t, schema_contract: {contract}}}]"
    tree.add("s", yaml, DATA.format(pages=[list(page) for page in pages]))


def land(tree: Tree, kind: str, contract: str, *pages: Sequence[dict[str, Any]]) -> None:
    """Loads pages under a contract."""
    give(tree, kind, contract, *pages)
    tree.load("s.t")


def tell(tree: Tree) -> list[str]:
    """Extracts what is given and returns what there is to tell of it."""
    task = tree.task("s.t")
    resource = build_resource(task.source, task.resource, "t", Call(LoadRange(), {}))
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


@KINDS
@pytest.mark.parametrize("case", DISCARDED)
def test_a_contract_discards_and_tells(tree: Tree, kind: str, case: str) -> None:
    """Exactly what the contract names is left out, and what was left out is told with its count."""
    contract, page, landed, warning = DISCARDED[case]
    land(tree, kind, "evolve", KNOWN)
    give(tree, kind, contract, page)
    assert tell(tree) == [f"1 times discarded: {warning}"]
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
    """A change that is frozen fails the load, naming resource, row and column; the table is as it was."""
    contract, page, message = FROZEN[case]
    land(tree, kind, "evolve", KNOWN)
    give(tree, kind, contract, page)
    with pytest.raises(ValueRefused, match=f"^raw.t: {message} forbids; let it in with evolve"):
        tree.load("s.t")
    assert tree.query("select k, x from raw.t") == [(1, 1)]


@KINDS
@pytest.mark.parametrize("contract", ["freeze", "discard_row", "discard_value"])
def test_what_changes_nothing_passes_any_contract(tree: Tree, kind: str, contract: str) -> None:
    """Rows of the known shape land: values that fit, columns without a value, columns left out."""
    land(tree, kind, "evolve", [{"k": 1, "x": 1, "z": "a"}])
    land(tree, kind, contract, [{"k": 2, "x": 2, "y": None}, {"k": 3, "x": None}])
    assert tree.query("select k, x, z from raw.t order by k") == [(1, 1, "a"), (2, 2, None), (3, None, None)]


@KINDS
@pytest.mark.parametrize("mode", ["freeze", "discard_row", "discard_value"])
def test_a_new_table_gets_all_columns_of_its_first_load(tree: Tree, kind: str, mode: str) -> None:
    """Contracts about columns and types begin with the second load; until then the shape is being learnt."""
    land(tree, kind, f"{{columns: {mode}, data_type: {mode}}}", KNOWN, [{"k": 2, "x": 2, "y": "late"}])
    assert tree.query("select k, x, y from raw.t order by k") == [(1, 1, None), (2, 2, "late")]


@KINDS
@pytest.mark.parametrize("mode", ["discard_row", "discard_value"])
def test_a_contract_discards_a_new_table(tree: Tree, kind: str, mode: str) -> None:
    """Where no new table is let in, nothing is made, and the rows are told."""
    give(tree, kind, f"{{tables: {mode}}}", KNOWN)
    assert tell(tree) == [f"1 times discarded: a new table (schema_contract tables: {mode})"]
    tree.load("s.t")
    assert tree.query("select count(*) from information_schema.tables where table_name = 't'") == [0]


@KINDS
def test_a_frozen_contract_refuses_a_new_table(tree: Tree, kind: str) -> None:
    """A table that is not there yet is a change as well."""
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
}


@pytest.mark.parametrize("contract", TRIMMED)
def test_a_contract_reaches_into_nested_rows(tree: Tree, contract: str) -> None:
    """Objects and lists inside rows are under the contract too: a child's value, a child's row, a child's table."""
    keys, items, told_of = TRIMMED[contract]
    land(tree, "dicts", "evolve", [{"k": 1, "o": {"a": 0}, "items": [{"n": 0}]}])
    give(tree, "dicts", contract, NESTED)
    assert {warning.split(": ")[1] for warning in tell(tree)} >= told_of - ({"items[].m"} if len(keys) == 1 else set())
    tree.load("s.t")
    assert tree.query("select k from raw.t where k > 1 order by k") == keys
    assert sorted(tree.query("select n from raw.t__items where n is distinct from 0"), key=str) == sorted(
        items, key=str
    )


@pytest.mark.parametrize(("mode", "key"), [("columns", "items[].m"), ("data_type", "items[].n"), ("tables", "more[]")])
def test_a_frozen_contract_names_what_is_nested(tree: Tree, mode: str, key: str) -> None:
    """The error shows the way to a nested value."""
    land(tree, "dicts", "evolve", [{"k": 1, "o": {"a": 0, "b": 0}, "items": [{"n": 0}]}])
    give(tree, "dicts", f"{{{mode}: freeze}}", NESTED)
    row = 2 if key == "more[]" else 1
    with pytest.raises(ValueRefused) as refused:
        tree.load("s.t")
    assert str(refused.value).startswith(f"raw.t: row {row}, column {key}: a ")


def test_frames_among_dicts_are_told(tree: Tree) -> None:
    """Arrow tables for a table of dict rows are taken apart, which is slower, and said."""
    land(tree, "dicts", "evolve", KNOWN)
    give(tree, "frames", "evolve", KNOWN)
    (warning,) = tell(tree)
    assert warning.startswith("frames were taken apart into dicts")
