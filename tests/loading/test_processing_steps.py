"""Tests of `processing_steps`: rows and fields that are left out, renamed or made by functions, of every entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from data_foundation.config.steps.row_condition import RowCondition
from data_foundation.errors import ConfigError, EntryError, LoadError
from data_foundation.rows.shaped_rows import RowStep
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
    "where": ([{"where": "status = 'open' AND id BETWEEN 1 AND 2.5"}], "select id from raw.landed", [1]),
    "where, unknown": ([{"where": "NOT paid"}], "select id from raw.landed", [2]),
    "where, known": ([{"where": "coalesce(paid, FALSE) IS FALSE"}], "select id from raw.landed order by 1", [2, 3]),
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
    "where": ([{"where": "state = 'open'"}], "where: no row has a field 'state'; rows have id, Status, secret, paid"),
    "where inside": ([{"where": "secret.kind IS NULL"}], "where: no row has a field 'secret.kind'"),
    "where without rows": ([{"where": "id > 7"}], "where: none of 3 rows meets the condition"),
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
    "no comparison": ("get_dicts", [{"where": "id > 'x'"}], "where: cannot compare a number with a text"),
    "no comparison in a table": ("get_table", [{"where": "id > 'x'"}], "where: cannot compare a number with a text"),
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
    "none": ({}, "got none; accepted is one of filter, where, map, yield_map, exclude, rename"),
    "unknown": ({"fliter": "data.is_odd"}, "unknown key 'fliter'"),
    "no condition": ({"where": "total + 1"}, "where: total . 1 is not accepted"),
    "a statement": ({"where": "drop table x"}, "where: "),
    "a part of a function": ({"where": "ltrim(a) = 'x'"}, "where: LTRIM.a. is not accepted"),
    "a part of a comparison": ({"where": "a BETWEEN SYMMETRIC 3 AND 1"}, "is not accepted"),
    "digits of a number": ({"where": "CAST(a AS DECIMAL(10, 2)) > 1"}, "CAST to DECIMAL.10, 2. is not known"),
    "another type": ({"where": "CAST(a AS INTERVAL) > 1"}, "CAST to INTERVAL is not known"),
    "a call": ({"where": "read_text('x') = 'y'"}, "where: READ_TEXT"),
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


def test_rows_that_are_left_out_are_counted(tree: Tree, declare: Callable[..., None]) -> None:
    """The audit trail shows how many rows of the entry are not in the table."""
    declare("get_pages", [{"filter": {"status": "open"}}, {"where": "id < 3"}])
    assert (tree.load("shop.landed").rows, tree.load("shop.landed").left_out) == (1, 2)
    assert tree.query("select left_out from raw._load_audit") == [2, 2]
    declare("get_pages", [{"exclude": "secret"}])
    assert tree.load("shop.landed").left_out == 0


def test_a_row_that_is_left_out_comes_when_it_meets_the_condition(tree: Tree, declare: Callable[..., None]) -> None:
    """It does not move the cursor, so that nothing is lost when the condition changes."""
    cursor: dict[str, Any] = {"incremental": {"cursor_path": "id"}, "write_disposition": "append"}
    declare("get_dicts", [{"where": "id < 2"}], **cursor)
    assert [tree.load("shop.landed").rows for _ in range(2)] == [1, 0]
    declare("get_dicts", [{"where": "id < 3"}], **cursor)
    assert tree.load("shop.landed").rows == 1
    assert tree.query("select id from raw.landed order by id") == [1, 2]


MOMENT = datetime(2024, 1, 31, 12, tzinfo=UTC)
WHERE: dict[str, tuple[str, list[Any]]] = {
    "decimal": ("price = 0.1", [0.1, Decimal("0.10"), Decimal("0.1")]),
    "text as number": ("CAST(price AS DECIMAL) > 9", ["10", Decimal(10), 10.5]),
    "time": ("price >= TIMESTAMP '2024-01-31T12:00:00Z'",
             [MOMENT, "2024-01-31T13:00:00+01:00", MOMENT.replace(tzinfo=None)]),
    "day": ("price < '2024-02-01'", [MOMENT, date(2024, 1, 31)]),
    "nan": ("price > 1e300", [float("nan"), float("inf")]),
    "like": ("price LIKE 'a_%.'", ["ab\nc.", "a%x."]),
    "in": ("price IN (1, NULL, 2)", [1, 2.0, Decimal("2.00")]),
    "not in": ("price NOT IN (3, 4)", [1, 5]),
    "inside": ("price.amount > 1", [{"amount": 2}, {"Amount": 2}]),
    "unknown or true": ("price > 1 OR missing = 1", [2]),
    "function": ("length(trim(upper(price))) = 2 AND lower(price) = ' ab '", [" aB "]),
    "negative": ("abs(price) = 2 AND price = -2", [-2]),
    "boolean": ("price IS TRUE", [True]),
    "day of a time": ("CAST(price AS DATE) = '2024-01-31'", [MOMENT, "2024-02-01T00:30:00+01:00", date(2024, 1, 31)]),
    "whole number": ("price::int > 1 AND CAST(price AS BIGINT) < 3", ["2", Decimal("2.0"), 2]),
}  # fmt: skip


@pytest.mark.parametrize("case", WHERE)
def test_a_value_meets_a_condition_in_any_type(case: str) -> None:
    """A value meets the condition and its negation not, whichever type it has in a dict; NULL meets neither."""
    text, values = WHERE[case]
    for value in values:
        for condition, expected in ((text, 1), (f"NOT ({text})", 0)):
            step = RowStep("where", RowCondition.of(condition))
            assert len(step.apply([{"price": value}])) == expected, (condition, value)
            for unknown in (None, pd.NaT, pd.NA):
                assert not step.apply([{"price": unknown}]) or "TRUE" in text


KINDS = {
    "number": st.integers(-3, 3) | st.floats(-3, 3, width=16),
    "text": st.sampled_from(["", "a", "b", "ab", "%"]),
}
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


@pytest.mark.parametrize("kind", ["number", "text"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_conditions_agree_with_duckdb(kind: str, data: st.DataObject) -> None:
    """A condition passes the rows that DuckDB selects, as dicts and as an Arrow table."""
    values = data.draw(
        st.lists(st.none() | KINDS[kind].map(float if kind == "number" else str), min_size=1, max_size=6)
    )
    literals = st.sampled_from(["0", "1.5", "-2", "NULL"] if kind == "number" else ["'a'", "''", "'b%'", "NULL"])
    names, operators = st.sampled_from(["a", "b"]), st.sampled_from(OPERATORS)
    leaf = st.tuples(names, operators, literals | names).map(" ".join) | names.map("{} IS NULL".format)
    leaf |= st.tuples(names, literals, literals).map(lambda one: "{} NOT IN ({}, {})".format(*one))
    leaf |= st.tuples(names, literals, literals).map(lambda one: "{} BETWEEN {} AND {}".format(*one))
    leaves = data.draw(st.lists(leaf, min_size=1, max_size=4))
    joiners = data.draw(st.lists(st.sampled_from(["AND", "OR", "AND NOT"]), min_size=4, max_size=4))
    condition = leaves[0] + "".join(f" {one} ({leaf})" for one, leaf in zip(joiners, leaves[1:], strict=False))
    kinds = pa.float64() if kind == "number" else pa.string()
    table = pa.table({"n": range(len(values)), "a": pa.array(values, kinds), "b": pa.array(values[::-1], kinds)})
    with duckdb.connect() as connection:
        connection.register("rows", table)
        expected = [n for (n,) in connection.sql(f"select n from rows where {condition} order by n").fetchall()]
    for rows in (table, table.to_pylist()):
        passed = RowStep("where", RowCondition.of(condition)).apply(rows)
        assert [row["n"] for row in (passed.to_pylist() if rows is table else passed)] == expected, condition
