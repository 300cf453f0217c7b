"""Every disposition gives the same rows on every engine, or is refused before anything is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import FoundationError
from data_foundation.warehouses.promises import COLUMNS
from tests.promises.portable import CONTENT
from tests.promises.test_killed import SCENARIOS
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES, Engine

ROWS = "select o.id, o.at, o.state, o.colour from raw.orders o order by 1, 2, 3, 4"
OPEN = "select o.id, o.state from raw.orders o where o._dlt_valid_to is null order by 1"
KEY_OF_TWO = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    write_disposition: {disposition: merge, strategy: scd2}
    merge_key: [area, code]
    columns: {code: {data_type: text, nullable: true}}
"""
NEW: tuple[str, str | None] = ("new", None)
PAID: tuple[str, str | None] = ("paid", "red")
STRATEGIES = {"merge, nested": "delete-insert", "merge, Arrow": "delete-insert", "upsert, nested": "upsert",
              "insert-only": "insert-only", "scd2": "scd2"}  # fmt: skip
"""The strategy of each scenario that merges."""

EXPECTED: Mapping[str, Mapping[tuple[str, str | None], Sequence[int]]] = {
    "append, nested": {NEW: range(1, 5), PAID: range(4, 8)},
    "append without a cursor": {NEW: range(1, 5), PAID: range(3, 8)},
    "append, Arrow": {NEW: range(1, 5), PAID: range(4, 8)},
    "replace, nested": {NEW: (), PAID: range(3, 8)},
    "merge, nested": {NEW: range(1, 4), PAID: range(4, 8)},
    "merge, Arrow": {NEW: range(1, 4), PAID: range(4, 8)},
    "upsert, nested": {NEW: range(1, 3), PAID: range(3, 8)},
    "insert-only": {NEW: range(1, 5), PAID: range(5, 8)},
    "scd2": {NEW: range(1, 5), PAID: range(3, 8)},
}
"""Ids of the rows after both loads, by state and colour. The cursor has passed row 3, and row 4 has changed."""


def _expected(name: str) -> list[tuple[Any, ...]]:
    found = EXPECTED[name].items()
    return sorted((number, f"2024-01-{number:02}", *kind) for kind, numbers in found for number in numbers)


def _lines(rows: Sequence[tuple[Any, ...]]) -> list[tuple[int, int]]:
    return sorted((row[0], line) for row in rows for line in (1, 2))


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", EXPECTED)
def test_two_loads_give_the_rows_of_the_disposition(engine: Engine, tree: Tree, name: str) -> None:
    """A first load, and a second with changed rows and a new column, give the same rows and nested rows everywhere."""
    if name in STRATEGIES and STRATEGIES[name] not in engine.merges:
        with pytest.raises(FoundationError, match=r"(strategy|merge needs).*accepted"):
            SCENARIOS[name].prepare(tree)
        return
    SCENARIOS[name].prepare(tree)
    tree.load("shop.orders")
    rows = [tuple(row) for row in tree.query(ROWS)]
    assert sorted(rows) == _expected(name)
    if SCENARIOS[name].nested:
        assert [tuple(row) for row in tree.query(CONTENT["lines"])] == _lines(rows)
        assert len(tree.query(CONTENT["taxes"])) == len(rows)
    if name == "scd2":
        assert [tuple(row) for row in tree.query(OPEN)] == [(number, "paid") for number in range(3, 8)]


@pytest.mark.sampled(2)
def test_a_version_of_a_key_of_two_columns_ends_with_that_key_only(engine: Engine, tree: Tree) -> None:
    """('ab', 'c') and ('a', 'bc') are two keys, ('x', NULL) is one; an engine that compares one text refuses."""
    tree.add("shop", KEY_OF_TWO)
    tree.give("shop", [{"area": "ab", "code": "c", "state": "new"}, {"area": "x", "code": None, "state": "new"}])
    if not (engine.compares_columns and "scd2" in engine.merges):
        with pytest.raises(FoundationError, match="accepted"):
            tree.load("shop.orders")
        return
    tree.load("shop.orders")
    tree.give("shop", [{"area": "a", "code": "bc", "state": "new"}, {"area": "x", "code": None, "state": "paid"}])
    tree.load("shop.orders")
    current = "select o.area, o.code, o.state from raw.orders o where o._dlt_valid_to is null order by 1"
    expected = [("a", "bc", "new"), ("ab", "c", "new"), ("x", None, "paid")]
    assert [tuple(row) for row in tree.query(current)] == expected


def test_the_documented_strategies_are_those_of_the_engines() -> None:
    """The table of docs/reference/warehouses.md says `refused` for what an engine does not have, and only for that."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "warehouses.md").read_text(encoding="utf-8")
    lines = page.partition("| `merge`, with `strategy` |")[2].partition("\n\n")[0].splitlines()
    names = {title: name for name, title in COLUMNS.items()}
    engines = [names[title.strip()] for title in lines[0].strip(" |").split("|")]
    assert set(engines) == ENGINES.keys() - {"general"}
    for line in lines[2:]:
        strategies, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        strategy = strategies.split("`")[1]
        refused = {engine for engine, cell in zip(engines, cells, strict=True) if cell == "refused"}
        assert refused == {engine for engine in engines if strategy not in ENGINES[engine].merges}, strategy
