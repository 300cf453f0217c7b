"""Tests of `processing_steps`: rows and fields that are left out, renamed or made by functions, of every entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from data_foundation.errors import ConfigError, EntryError, LoadError
from tests.support.trees import Tree

ROWS = [
    {"id": 1, "Status": "open", "secret": "a", "paid": True},
    {"id": 2, "Status": "closed", "secret": "b", "paid": False},
    {"id": 3, "Status": "open", "secret": "c", "paid": None},
]
CODE = f"""
import json

import pandas as pd
import polars as pl
import pyarrow as pa

ROWS = {ROWS!r}


def get_dicts():
    yield from ROWS

def get_pages():
    yield ROWS[:2]
    yield ROWS[2:]

def get_json():
    yield json.dumps(ROWS).encode()

def get_table():
    yield pa.Table.from_pylist(ROWS)

def get_batch():
    yield pa.RecordBatch.from_pylist(ROWS)

def get_pandas():
    yield pd.DataFrame(ROWS)

def get_polars():
    yield pl.DataFrame(ROWS)

def get_scalars():
    yield [1, 2]

def is_odd(row):
    return row["id"] % 2

def doubled(row):
    return {{**row, "twice": row["id"] * 2}}

def exploded(row):
    for part in "xy":
        yield {{"id": row["id"], "part": part}}

def nothing(row):
    return None

number = 7
"""
SHAPES = ("dicts", "pages", "json", "table", "batch", "pandas", "polars")
STEPS: dict[str, tuple[list[dict[str, Any]], str, list[Any]]] = {
    "exclude": ([{"exclude": "secret"}], "select columns('^[a-z]') from raw.landed order by id",
                [(1, "open", True), (2, "closed", False), (3, "open", None)]),
    "exclude, normalized": ([{"exclude": ["status", "SECRET", "paid"]}],
                            "select columns('^[a-z]') from raw.landed order by id", [1, 2, 3]),
    "rename": ([{"rename": {"Status": "state", "id": "number"}}], "select number, state from raw.landed order by 1",
               [(1, "open"), (2, "closed"), (3, "open")]),
    "filter by value": ([{"filter": {"Status": "open"}}], "select id from raw.landed order by 1", [1, 3]),
    "filter by values": ([{"filter": {"status": ["open", "new"], "id": [1, 2]}}], "select id from raw.landed", [1]),
    "filter by true": ([{"filter": {"paid": True}}], "select id from raw.landed", [1]),
    "filter by null": ([{"filter": {"paid": [None, False]}}], "select id from raw.landed order by 1", [2, 3]),
    "filter by a function": ([{"filter": "data.is_odd"}], "select id from raw.landed order by 1", [1, 3]),
    "map": ([{"map": "data.doubled"}], "select id, twice from raw.landed order by 1", [(1, 2), (2, 4), (3, 6)]),
    "yield_map": ([{"filter": {"id": 1}}, {"yield_map": "data.exploded"}], "select part from raw.landed order by 1",
                  ["x", "y"]),
    "several": ([{"rename": {"id": "n"}}, {"filter": {"n": [2, 3]}}, {"exclude": ["secret", "paid"]}],
                "select n, status from raw.landed order by 1", [(2, "closed"), (3, "open")]),
}  # fmt: skip


@pytest.fixture
def declare(tree: Tree) -> Callable[..., None]:
    """A function that writes the source `shop` with one resource."""

    def write(entry: str, steps: list[dict[str, Any]], **more: Any) -> None:
        resource = {"entry": f"data.{entry}", "destination": "raw.landed", "processing_steps": steps, **more}
        tree.add("shop", yaml.safe_dump({"resources": [resource]}, sort_keys=False), CODE)

    return write


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.sampled(5)
def test_rows_of_every_shape_pass_the_steps(tree: Tree, declare: Callable[..., None], shape: str, steps: str) -> None:
    """Rows, pages, JSON documents and frames: each gives the same table."""
    configured, query, expected = STEPS[steps]
    declare(f"get_{shape}", configured)
    assert tree.load("shop.landed").warnings == ()
    assert tree.query(query) == expected


def test_what_is_configured_has_the_new_names(
    tree: Tree, declare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cursor, key, required columns and hashes name the columns as they are after the steps."""
    monkeypatch.setenv("PII_HASH_KEY", "a text of more than thirty-two characters")
    declare(
        "get_dicts", [{"rename": {"id": "number", "secret": "mail"}}], primary_key="number", requires=["number"],
        write_disposition="merge", incremental={"cursor_path": "number"}, columns={"mail": {"pii": "hash"}},
    )  # fmt: skip
    tree.load("shop.landed")
    assert tree.load("shop.landed").row_count == 3
    assert tree.query("select min(length(mail)) > 20 from raw.landed") == [True]


WARNED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "exclude": (
        [{"exclude": ["secrt"]}],
        "exclude: no row has a field 'secrt'; rows have id, Status, secret, paid. Did you",
    ),
    "rename": ([{"rename": {"idd": "n"}}], "rename: no row has a field 'idd'"),
    "filter": (
        [{"filter": {"state": "open"}}],
        "filter: no row has a field 'state'; rows have id, Status, secret, paid",
    ),
    "filter of another type": ([{"filter": {"id": "1"}}], "filter: none of 3 rows has an accepted value"),
}


@pytest.mark.parametrize(("steps", "message"), WARNED.values(), ids=WARNED)
def test_a_step_without_effect_is_named(
    tree: Tree, declare: Callable[..., None], steps: list[dict[str, Any]], message: str
) -> None:
    """A misspelt field would land, or leave out every row: the load has a warning."""
    declare("get_dicts", steps)
    assert message in " ".join(tree.load("shop.landed").warnings)


REFUSED: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "clash": ("get_dicts", [{"rename": {"id": "secret"}}], "rename: the row has a field 'secret' already"),
    "clash in a table": ("get_table", [{"rename": {"id": "secret"}}], "rename: the row has a field 'secret' already"),
    "no row": ("get_dicts", [{"map": "data.nothing"}], "map: the function returned None"),
    "no function": ("get_dicts", [{"map": "data.number"}], "map: 'data.number' is a int; accepted is a function"),
    "missing function": ("get_dicts", [{"map": "data.mapp"}], "has no attribute 'mapp'|mapp"),
    "no rows": ("get_scalars", [{"exclude": "a"}], "the entry yielded a int; accepted are rows with fields"),
}


@pytest.mark.parametrize(("entry", "steps", "message"), REFUSED.values(), ids=REFUSED)
def test_a_step_that_loses_values_is_refused(
    tree: Tree, declare: Callable[..., None], entry: str, steps: list[dict[str, Any]], message: str
) -> None:
    """The load fails before anything is written."""
    declare(entry, steps)
    with pytest.raises((LoadError, EntryError), match=message):
        tree.load("shop.landed")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "two": ({"filter": {"a": 1}, "exclude": ["b"]}, "got filter, exclude; accepted is one of"),
    "none": ({}, "got none; accepted is one of filter, map, yield_map, exclude, rename"),
    "unknown": ({"fliter": "data.is_odd"}, "unknown key 'fliter'"),
    "one name for two": ({"rename": {"a": "c", "b": "c"}}, "two fields have the same new name"),
}


@pytest.mark.parametrize(("step", "message"), BAD.values(), ids=BAD)
def test_a_check_finds_invalid_steps(
    tree: Tree, declare: Callable[..., None], step: dict[str, Any], message: str
) -> None:
    """Each step has one key."""
    declare("get_dicts", [step])
    with pytest.raises(ConfigError, match=message):
        tree.check("shop")
