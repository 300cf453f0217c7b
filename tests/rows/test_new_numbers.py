"""Integers and fractions in a column that is new: they become one column of doubles, or the load is refused."""

from itertools import permutations
from typing import Any

import pytest

from data_foundation.errors import LoadError
from data_foundation.rows import page_buffer
from tests.support.trees import Tree

ENGINES = ["columnar", "dlt"]
PAGES = {
    "one page": "yield list(map(row, values))",
    "one by one": "yield from map(row, values)",
    "a document": "yield json.dumps(list(map(row, values))).encode()",
    "documents": "yield from (json.dumps(row(value)).encode() for value in values)",
    "beside a column of several types": "yield [{**row(value), 'y': y} for value, y in zip(values, (1, 'a', 2))]",
}
ROWS = {
    "a column": ("{'x': value}", "select x from raw.t"),
    "a column of an object": ("{'x': {'y': value}}", "select x__y from raw.t"),
    "a list": ("{'x': [value]}", "select value from raw.t__x"),
    "a list of objects": ("{'x': [{'y': value}]}", "select y from raw.t__x"),
}


@pytest.fixture(params=["at once", "in pages"])
def _gathered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in pages":
        monkeypatch.setattr(page_buffer, "FIRST_ROWS", 1)
        monkeypatch.setattr(page_buffer, "MOST_ROWS", 1)


def add(tree: Tree, values: Any, body: str, row: str = "{'x': value}", settings: str = "") -> None:
    """A source `s` whose table `t` has a row for each value."""
    code = f"import json\n\nvalues = {values!r}\n\ndef row(value):\n    return {row}\n\ndef get():\n    {body}\n"
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t{settings}}}]", code)


@pytest.mark.sampled(13)
@pytest.mark.usefixtures("_gathered")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pages", PAGES)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("types", ["evolve", "freeze", "discard_row", "discard_value"])
@pytest.mark.sampled(3)
def test_integers_among_fractions_are_doubles(tree: Tree, types: str, row: str, pages: str, engine: str) -> None:
    """The sum of the column is the sum of the values, wherever the first fraction is, and whatever the contract."""
    shape, query = ROWS[row]
    # A page beside a column of several types would lose its texts under a contract of types.
    contract = "" if types == "evolve" or "several" in pages else f", schema_contract: {{data_type: {types}}}"
    add(tree, (10, 10.5, 11), PAGES[pages], shape, f", engine: {engine}{contract}")
    tree.load("s.t")
    found = tree.query(query)
    assert sorted(found) == [10.0, 10.5, 11.0]
    assert {type(value) for value in found} == {float}
    assert tree.query("select column_name from information_schema.columns where column_name like '%v_double'") == []


@pytest.mark.usefixtures("_gathered")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("values", list(permutations((2**53 + 1, 10.5, 3))))
def test_what_a_double_would_round_is_refused(tree: Tree, values: tuple[Any, ...], engine: str) -> None:
    """The message names the types that fit."""
    add(tree, values, PAGES["one page"], settings=f", engine: {engine}")
    with pytest.raises(LoadError, match=r"row \d, column x: .*columns: \{(x|<column>): \{data_type"):
        tree.load("s.t")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("values", [(2**53 + 1, 3), (2**63 - 1, 2.0), (-(2**63), None)])
def test_wide_integers_alone_stay_integers(tree: Tree, values: tuple[Any, ...], engine: str) -> None:
    """No fraction, no double."""
    add(tree, values, PAGES["one by one"], settings=f", engine: {engine}")
    tree.load("s.t")
    assert sorted(tree.query("select x from raw.t"), key=str) == sorted(
        (None if value is None else int(value) for value in values), key=str
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_of_an_earlier_load_keeps_its_type(tree: Tree, engine: str) -> None:
    """Its fractions go to a column of their own, as dlt does it."""
    add(tree, (1, 2), PAGES["one page"], settings=f", engine: {engine}")
    tree.load("s.t")
    add(tree, (3, 3.5), PAGES["one page"], settings=f", engine: {engine}")
    tree.load("s.t")
    assert sorted(tree.query("select x, x__v_double from raw.t"), key=str) == [
        (1, None),
        (2, None),
        (3, None),
        (None, 3.5),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_later_loads_find_a_column_of_doubles(tree: Tree, engine: str) -> None:
    """What the first load made of it is what the stored schema has."""
    for values in ((1, 1.5), (2,), (2.5,)):
        add(tree, values, PAGES["one page"], settings=f", engine: {engine}")
        tree.load("s.t")
    assert sorted(tree.query("select x from raw.t")) == [1.0, 1.5, 2.0, 2.5]
