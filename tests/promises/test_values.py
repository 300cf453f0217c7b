"""Values land exactly as they were yielded, or are refused with resource, column and row."""

import datetime as dt
import re
from decimal import Decimal
from textwrap import indent
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.errors import ValueRefused
from data_foundation.loading.result import LoadResult
from data_foundation.vendors.retries import root_cause
from tests.support.resources import build
from tests.support.trees import Tree

HEAD = """
import collections, dataclasses, datetime as dt, decimal, enum, ipaddress, math, types, uuid
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pendulum
import pyarrow as pa
from pydantic import BaseModel

NEW_YORK = ZoneInfo("America/New_York")

class Colour(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    LOW = 1

Pair = collections.namedtuple("Pair", "x y")

@dataclasses.dataclass
class Data:
    x: int

class Model(BaseModel):
    x: int

class Text(str): pass
class Number(int): pass

def nested(value, levels, make):
    for _ in range(levels):
        value = make(value)
    return value

def broken_text():
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\\xff")])

"""


def give(tree: Tree, body: str, more: str = "") -> None:
    """Writes a resource whose generator has this body."""
    yaml = f"resources: [{{entry: data.get, destination: raw.t{more}}}]"
    tree.add("s", yaml, HEAD + "def get():\n" + indent(body, "    "))


def load(tree: Tree, body: str, more: str = "") -> LoadResult:
    """Loads the rows of a generator's body."""
    give(tree, body, more)
    return tree.load("s.t")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> dlt.Pipeline:
    """A pipeline used only for extraction, in which values are refused."""
    folder = str(tmp_path_factory.mktemp("extracted"))
    return dlt.pipeline("refusals", pipelines_dir=folder, destination=dlt.destinations.duckdb(f"{folder}/never.duckdb"))


def refusal(tree: Tree, pipeline: dlt.Pipeline) -> str:
    """Extracts the rows and returns the reason of the refusal."""
    task = tree.task("s.t")
    resource = build(task)
    with pytest.raises(PipelineStepFailed) as failed:
        pipeline.extract(resource, schema=dlt.Schema("t"), loader_file_format="parquet")
    refused = root_cause(failed.value)
    assert isinstance(refused, ValueRefused), refused
    return str(refused)


def columns(tree: Tree, table: str = "t") -> dict[str, str]:
    """Returns names and types of a table's columns, except dlt's own."""
    found = tree.query(f"select column_name, data_type from information_schema.columns where table_name = '{table}'")
    return {name: kind for name, kind in found if not name.startswith("_dlt")}


def unordered(found: list[Any], expected: list[Any]) -> bool:
    """Returns True if two lists hold the same values in any order, as an append guarantees no order."""
    return len(found) == len(expected) and all(found.count(value) == expected.count(value) for value in expected)


def rows(*values: str) -> str:
    """Returns a body that yields a row with one column `x` for each value."""
    return "\n".join(f"yield {{'x': {value}}}" for value in values)


def table(*values: str) -> str:
    """Returns a body that yields an Arrow table with one column `x` for each array."""
    return "\n".join(f"yield pa.table({{'x': {value}}})" for value in values)


UTC_NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
FIRST, LAST = dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC)
STRANGE = "👩‍👩‍👧 e\u0301 \u202e\u05d9\u05ea\ufeff 日本 \x01"

PRESERVED: dict[str, Any] = {
    "smallest and largest int": (rows("-2**63", "2**63 - 1"), "BIGINT", [-(2**63), 2**63 - 1]),
    "subclass of int": (rows("Number(5)"), "BIGINT", [5]),
    "bool": (rows("True", "False"), "BOOLEAN", [True, False]),
    "bool as number": (rows("True", "0"), "BOOLEAN", [True, False]),
    "float, the smallest and a huge one": (rows("5e-324", "1e308", "0.1"), "DOUBLE", [5e-324, 1e308, 0.1]),
    "whole float in an int column": (rows("1", "2.0"), "BIGINT", [1, 2]),
    "int in a float column": (rows("2.5", "2**53"), "DOUBLE", [2.5, 2.0**53]),
    "Decimal of 38 digits": (
        rows("Decimal('12345678901234567890123456789.123456789')"),
        "DECIMAL(38,9)",
        [Decimal("12345678901234567890123456789.123456789")],
    ),
    "Decimal with an exponent": (rows("Decimal('1E+5')"), "DECIMAL(38,9)", [Decimal(100000)]),
    "numbers in a decimal column": (
        rows("Decimal('2.5')", "0.1", "1"),
        "DECIMAL(38,9)",
        [Decimal("2.5"), Decimal("0.1"), 1],
    ),
    "number as text in an int column": (rows("1", "'2'"), "BIGINT", [1, 2]),
    "numbers in a text column": (rows("'a'", "1", "1e100", "Decimal('1.10')"), "VARCHAR", ["a", "1", "1e+100", "1.10"]),
    "text": (rows(repr(STRANGE)), "VARCHAR", [STRANGE]),
    "text with NUL": (rows(r"'a\0b'"), "VARCHAR", ["a\0b"]),
    "empty text": (rows("''"), "VARCHAR", [""]),
    "text of 10 MB": (rows("'é' * 5_000_000"), "VARCHAR", ["é" * 5_000_000]),
    "subclass of text": (rows("Text('a')"), "VARCHAR", ["a"]),
    "text like base64": (rows("'aGVsbG8='"), "VARCHAR", ["aGVsbG8="]),
    "text like a number": (rows("'007'"), "VARCHAR", ["007"]),
    "date as text": (rows("'2024-01-01'"), "VARCHAR", ["2024-01-01"]),
    "time as text is its instant": (rows("'2024-01-01T14:00:00+02:00'"), "TIMESTAMP WITH TIME ZONE", [UTC_NOON]),
    "time as text after text": (rows("'a'", "'2024-01-01T12:00:00Z'"), "VARCHAR", ["a", "2024-01-01T12:00:00Z"]),
    "bytes": (rows(r"b'\x00\xff'"), "BLOB", [b"\x00\xff"]),
    "UUID": (rows("uuid.UUID(int=5)"), "VARCHAR", ["00000000-0000-0000-0000-000000000005"]),
    "Enum of text": (rows("Colour.RED"), "VARCHAR", ["red"]),
    "Enum of int": (rows("Level.LOW"), "BIGINT", [1]),
    "naive time is UTC": (rows("dt.datetime(2024, 1, 1, 12)"), "TIMESTAMP WITH TIME ZONE", [UTC_NOON]),
    "zoned time": (rows("dt.datetime(2024, 1, 1, 7, tzinfo=NEW_YORK)"), "TIMESTAMP WITH TIME ZONE", [UTC_NOON]),
    "time of pendulum": (rows("pendulum.datetime(2024, 1, 1, 12)"), "TIMESTAMP WITH TIME ZONE", [UTC_NOON]),
    "naive and zoned times": (
        rows("dt.datetime(2024, 1, 1, 12)", "dt.datetime(2024, 1, 1, 7, tzinfo=NEW_YORK)"),
        "TIMESTAMP WITH TIME ZONE",
        [UTC_NOON, UTC_NOON],
    ),
    "both hours when clocks go back": (
        rows(*(f"dt.datetime(2024, 11, 3, 1, 30, fold={fold}, tzinfo=NEW_YORK)" for fold in (0, 1))),
        "TIMESTAMP WITH TIME ZONE",
        [dt.datetime(2024, 11, 3, hour, 30, tzinfo=dt.UTC) for hour in (5, 6)],
    ),
    "first and last year": (
        rows("dt.datetime(1, 1, 1)", "dt.datetime(9999, 12, 31, 23, 59, 59, 999999)"),
        "TIMESTAMP WITH TIME ZONE",
        [FIRST, LAST],
    ),
    "before 1970, with a microsecond": (
        rows("dt.datetime(1969, 12, 31, 23, 59, 59, 1, dt.UTC)"),
        "TIMESTAMP WITH TIME ZONE",
        [dt.datetime(1969, 12, 31, 23, 59, 59, 1, dt.UTC)],
    ),
    "dates before 1582 and of the last year": (
        rows("dt.date(1, 1, 1)", "dt.date(1500, 2, 28)", "dt.date(9999, 12, 31)"),
        "DATE",
        [dt.date(1, 1, 1), dt.date(1500, 2, 28), dt.date(9999, 12, 31)],
    ),
    "date in a column of times": (
        rows("dt.datetime(2024, 1, 1, 12)", "dt.date(2024, 1, 1)"),
        "TIMESTAMP WITH TIME ZONE",
        [UTC_NOON, UTC_NOON.replace(hour=0)],
    ),
    "midnight in a column of dates": (
        rows("dt.date(2024, 1, 1)", "dt.datetime(2024, 1, 2)"),
        "DATE",
        [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
    ),
    "time of day": (rows("dt.time(1, 2, 3, 4)"), "TIME", [dt.time(1, 2, 3, 4)]),
    "None, then a value": (rows("None", "1"), "BIGINT", [None, 1]),
    "key that first appears in the last row": ("yield {'a': 1}\nyield {'a': 2, 'x': 3}", "BIGINT", [None, 3]),
    "row without keys": ("yield {}\nyield {'x': 1}", "BIGINT", [None, 1]),
    "named tuple": ("yield Pair(1, 2)", "BIGINT", [1]),
    "tuple of rows": ("yield ({'x': 1}, {'x': 2})", "BIGINT", [1, 2]),
    "dataclass": ("yield Data(1)\nyield [Data(2)]", "BIGINT", [1, 2]),
    "pydantic model": ("yield Model(x=1)", "BIGINT", [1]),
    "OrderedDict": ("yield collections.OrderedDict(x=1)", "BIGINT", [1]),
    "generator for a page": ("yield ({'x': n} for n in range(2))", "BIGINT", [0, 1]),
    "empty page and None page": ("yield []\nyield None\nyield {'x': 1}", "BIGINT", [1]),
    "row that is text": ("yield {'x': 1}\nyield 'abc'", "BIGINT", [1, None]),
    "Arrow NaN and infinity": (table("[1.5, math.inf, -math.inf]"), "DOUBLE", [1.5, float("inf"), float("-inf")]),
    "Arrow small integers": (table("pa.array([1], pa.int8())", "[2**63 - 1]"), "BIGINT", [1, 2**63 - 1]),
    "Arrow uint32": (table("pa.array([2**32 - 1], pa.uint32())"), "BIGINT", [2**32 - 1]),
    "Arrow uint64 that fits": (table("pa.array([2**63 - 1], pa.uint64())"), "BIGINT", [2**63 - 1]),
    "Arrow float32": (table("pa.array([0.5], pa.float32())"), "DOUBLE", [0.5]),
    "Arrow Decimal of 38 digits": (table("[Decimal('9' * 38)]"), "DECIMAL(38,0)", [Decimal("9" * 38)]),
    "Arrow Decimal of 20 places": (
        table("[Decimal('0.12345678901234567890')]"),
        "DECIMAL(20,20)",
        [Decimal("0.12345678901234567890")],
    ),
    "Arrow times of every unit": (
        table(
            *(
                f"pa.array([dt.datetime(2024, 1, 1, 12)], pa.timestamp('{unit}', 'UTC'))"
                for unit in ("s", "ms", "us", "ns")
            )
        ),
        "TIMESTAMP WITH TIME ZONE",
        [UTC_NOON] * 4,
    ),
    "Arrow time in a zone": (
        table("pa.array([dt.datetime(2024, 1, 1, 7, tzinfo=NEW_YORK)])"),
        "TIMESTAMP WITH TIME ZONE",
        [UTC_NOON],
    ),
    "Arrow naive time is UTC": (table("[dt.datetime(2024, 1, 1, 12)]"), "TIMESTAMP WITH TIME ZONE", [UTC_NOON]),
    "Arrow first and last year": (
        table("[dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]"),
        "TIMESTAMP WITH TIME ZONE",
        [FIRST, LAST],
    ),
    "Arrow date64": (table("pa.array([86400000], pa.date64())"), "DATE", [dt.date(1970, 1, 2)]),
    "Arrow time of day": (table("pa.array([3723], pa.time32('s'))"), "TIME", [dt.time(1, 2, 3)]),
    "Arrow dictionary": (
        table("pa.array(['a', 'b', 'a']).dictionary_encode()", "['c']"),
        "VARCHAR",
        ["a", "b", "a", "c"],
    ),
    "Arrow text of every kind": (
        table("['a']", "pa.array(['b'], pa.large_string())", "pa.array(['c'], pa.string_view())"),
        "VARCHAR",
        ["a", "b", "c"],
    ),
    "Arrow text like a type of dlt's": (table("['\\uf0261.5', 'a\\0b']"), "VARCHAR", ["\uf0261.5", "a\0b"]),
    "Arrow bytes": (table(r"[b'\x00\xff', b'']"), "BLOB", [b"\x00\xff", b""]),
    "Arrow struct": (table("[{'a': 1, 'b': 'z'}]"), "JSON", ['{"a":1,"b":"z"}']),
    "Arrow exact numbers inside": (
        table("[{'d': Decimal('12345678901234567890.123456789'), 'u': 2**63 - 1, 'f': 5e-324}]"),
        "JSON",
        ['{"d":12345678901234567890.123456789,"u":9223372036854775807,"f":5e-324}'],
    ),
    "Arrow list": (table("[[1, 2], None, []]"), "JSON", ["[1,2]", None, "[]"]),
    "Arrow map": (table("pa.array([[('k', 1)]], pa.map_(pa.string(), pa.int64()))"), "JSON", ['{"k":1}']),
    "Arrow column of nulls, then text": (
        "yield pa.table({'i': [1], 'x': pa.nulls(1)})\nyield pa.table({'i': [2], 'x': ['a']})",
        "VARCHAR",
        [None, "a"],
    ),
    "Arrow table without columns": ("yield pa.table({})\nyield pa.table({'x': [1]})", "BIGINT", [1]),
    "Arrow table without rows": (table("pa.array([], pa.int64())", "[1]"), "BIGINT", [1]),
    "Arrow int in a float column": (table("[1.5]", "[1]"), "DOUBLE", [1.5, 1.0]),
    "Arrow int in a text column": (table("['a']", "[1]"), "VARCHAR", ["a", "1"]),
    "Arrow batch": ("yield pa.record_batch({'x': [1]})", "BIGINT", [1]),
    "Arrow tables in a page": ("yield [pa.table({'x': [1]}), pa.table({'x': [2]})]", "BIGINT", [1, 2]),
    "Arrow after dicts": ("yield {'x': 1}\nyield pa.table({'x': [2]})", "BIGINT", [1, 2]),
    "pandas frame": (
        "yield pd.DataFrame({'x': pd.array([2**60 + 1, None], dtype='Int64')})",
        "BIGINT",
        [2**60 + 1, None],
    ),
    "pandas NaN is missing": ("yield pd.DataFrame({'x': [1.5, math.nan]})", "DOUBLE", [1.5, None]),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", PRESERVED)
def test_a_value_is_preserved(tree: Tree, case: str) -> None:
    """The table has the expected type and every value."""
    body, kind, values = PRESERVED[case]
    assert load(tree, body).rows == len(values)
    assert columns(tree)["x"] == kind
    assert unordered(tree.query("select x from raw.t"), values)


def test_not_a_number_and_minus_zero_are_preserved(tree: Tree) -> None:
    """NaN in an Arrow column is not NULL, and -0.0 keeps its sign."""
    load(tree, table("[math.nan, -0.0, None]"))
    assert list(map(str, tree.query("select x from raw.t"))) == ["nan", "-0.0", "None"]
    tree.add("s", "resources: [{entry: data.get, destination: raw.u}]", "def get():\n    yield {'x': -0.0}\n")
    tree.load("s.u")
    assert list(map(str, tree.query("select x from raw.u"))) == ["-0.0"]


SHAPES: dict[str, Any] = {
    "int, then float": (rows("1", "2.5"), "t", "x", [1.0, 2.5]),
    "int, then text": (rows("1", "'a'"), "t", "x, x__v_text", [(1, None), (None, "a")]),
    "int, then bool": (rows("2", "True"), "t", "x, x__v_bool", [(2, None), (None, True)]),
    "int, then Decimal": (rows("1", "Decimal('2.5')"), "t", "x, x__v_decimal", [(1, None), (None, Decimal("2.5"))]),
    "bool, then text": (rows("True", "'maybe'"), "t", "x, x__v_text", [(True, None), (None, "maybe")]),
    "time, then text": (
        rows("dt.datetime(2024, 1, 1, 12)", "'soon'"),
        "t",
        "x, x__v_text",
        [(UTC_NOON, None), (None, "soon")],
    ),
    "object, then text": (rows("{'y': 1}", "'a'"), "t", "x__y, x", [(1, None), (None, "a")]),
    "object, then list": (rows("{'y': 1}", "[2]"), "t__x", "value", [2]),
    "list, then scalar": (rows("[1]", "5"), "t", "x", [None, 5]),
    "list of mixed values": (
        rows("[1, 'a', 2.5, None, {'y': 7}]"),
        "t__x",
        "value, value__v_text, y",
        [(1.0, None, None), (None, "a", None), (2.5, None, None), (None,) * 3, (None, None, 7)],
    ),
    "list of lists": (rows("[[1, 2], [3]]"), "t__x__list", "value", [1, 2, 3]),
    "list of None": (rows("[None, 1]"), "t__x", "value", [None, 1]),
    "tuple": (rows("(1, 2)"), "t__x", "value", [1, 2]),
    "named tuple, model and dataclass inside": (
        "yield {'a': Pair(1, 2), 'b': Model(x=3), 'c': Data(4)}",
        "t",
        "a__x, a__y, b__x, c__x",
        [(1, 2, 3, 4)],
    ),
    "empty object and list": ("yield {'a': 1, 'x': {}, 'y': []}", "t", "a", [1]),
    "None inside an object": ("yield {'x': {'y': None, 'z': 1}}", "t", "x__z", [1]),
    "page of pages": ("yield [[{'x': 1}], [{'x': 2}]]", "t__value", "x", [1, 2]),
    "depth 100": ("yield nested({'v': 1}, 99, lambda row: {'k': row})", "t", "columns('^k__.*v$')", [1]),
    "depth 100 of lists, as JSON": (
        "yield {'x': nested(1, 100, lambda inner: [inner])}",
        "t",
        "replace(replace(x, '[', ''), ']', '')",
        ["1"],
    ),
    "names": (
        "yield {'a.b': 1, 'c d': 2, 'UpperCase': 3, '1st': 4, 'select': 5, 'e__f': 6, '': 7, 2020: 8, 'naïve': 9}",
        "t",
        'a_b, c_d, upper_case, _1st, "select", e__f, _empty, _2020, na_ve',
        [(1, 2, 3, 4, 5, 6, 7, 8, 9)],
    ),
    "names that are long and nearly alike": (
        "yield {'k' * 200 + 'a': 1, 'k' * 200 + 'b': 2}",
        "t",
        f"{'k' * 200}a, {'k' * 200}b",
        [(1, 2)],
    ),
    "Arrow names": (
        "yield pa.table({'a.b': [1], 'UpperCase': [2], '': [3], 'a__b': [4], '😀': [5]})",
        "t",
        "a_b, upper_case, _empty, a__b, x",
        [(1, 2, 3, 4, 5)],
    ),
    "Arrow columns in another order, one new, one missing": (
        "yield pa.table({'a': [1], 'b': [2]})\nyield pa.table({'c': [5], 'a': [4]})",
        "t",
        "a, b, c",
        [(1, 2, None), (4, None, 5)],
    ),
    "Arrow text in an int column of dict rows": (
        "yield {'x': 1}\nyield pa.table({'x': ['a']})",
        "t",
        "x, x__v_text",
        [(1, None), (None, "a")],
    ),
    "an id of one's own": ("yield {'_dlt_id': 'mine', 'x': [1]}", "t__x", "_dlt_parent_id, value", [("mine", 1)]),
    "Arrow id of one's own": ("yield pa.table({'_dlt_id': ['mine']})", "t", "_dlt_id", ["mine"]),
    "fields of dlt's own kind": ("yield {'_dlt_foo': 1}", "t", "_dlt_foo", [1]),
}


@pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")  # dlt still calls it
@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.sampled(3)
def test_a_shape_is_preserved(tree: Tree, case: str) -> None:
    """Nested, mixed and oddly named values land in the columns and tables that dlt documents."""
    body, name, select, expected = SHAPES[case]
    load(tree, body, more=", max_table_nesting: 0" if "JSON" in case else "")
    assert unordered(tree.query(f"select {select} from raw.{name}"), expected)


@pytest.mark.rare
def test_ten_thousand_columns_are_preserved(tree: Tree) -> None:
    """A row of 10,000 columns lands completely."""
    load(tree, "yield {f'c{n}': n for n in range(10_000)}")
    assert len(columns(tree)) == 10_000
    assert tree.query("select c0 + c5000 + c9999 from raw.t") == [14_999]


BEYOND = r"row 1, column x: got an int beyond 64 bits; yield a Decimal and say `columns: \{x: \{data_type: decimal"
CONVERTED = "row 2, column x: got an? .* for a column of type .*, which would change it; convert it"
ONE_NAME = "become one name, .*; rename one"
REFUSED: dict[str, Any] = {
    "NaN": (
        rows("1.5", "math.nan"),
        "row 2, column x: got NaN, which would become NULL; yield None, or an Arrow table",
    ),
    "infinity": (rows("-math.inf"), "row 1, column x: got an infinity, which would become NULL"),
    "NaN inside": ("yield {'a': [{'b': 1}, {'b': math.nan}]}", r"row 1, column a\[\].b: got NaN"),
    "2**63": (rows("2**63"), BEYOND),
    "2**70": (rows("2**70"), BEYOND),
    "2**300": (rows("2**300"), BEYOND),
    "-2**63 - 1": (rows("-2**63 - 1"), BEYOND),
    "Decimal of 38 digits before the point": (
        rows("Decimal('9' * 38)"),
        "row 1, column x: .* more digits than the column",
    ),
    "Decimal of 40 digits": (rows("Decimal('9' * 40)"), "row 1, column x: .* more digits than the column"),
    "Decimal of 12 places": (rows("Decimal('0.123456789012')"), "row 1, column x: .* more digits than the column"),
    "Decimal NaN": (rows("Decimal('NaN')"), "row 1, column x: got NaN; .* yield None"),
    "Decimal infinity": (rows("Decimal('Infinity')"), "row 1, column x: got an infinity; .* yield None"),
    "float that a column of Decimals rounds": (rows("Decimal('1')", "1e-12"), "row 2, column x: .* more digits"),
    "int that a float cannot hold": (rows("2.5", "2**53 + 1"), CONVERTED),
    "2 in a column of bools": (rows("True", "2"), CONVERTED),
    "yes in a column of bools": (rows("True", "'yes'"), CONVERTED),
    "leading zeros in a column of ints": (rows("1", "'007'"), CONVERTED),
    "text nan in a column of floats": (rows("1.5", "'nan'"), CONVERTED),
    "bytes in a column of text": (rows("'a'", "b'abc'"), CONVERTED),
    "text in a column of bytes": (rows("b'abc'", "'aGVsbG8='"), CONVERTED),
    "time in a column of dates": (rows("dt.date(2024, 1, 1)", "dt.datetime(2024, 1, 1, 5)"), CONVERTED),
    "time as text in a column of dates": (rows("dt.date(2024, 1, 1)", "'2024-01-05T10:11:12'"), CONVERTED),
    "int in a column of times": (rows("dt.datetime(2024, 1, 1)", "5"), CONVERTED),
    "float in a column of times": (rows("dt.datetime(2024, 1, 1)", "1704067200.5"), CONVERTED),
    "nanoseconds as text": (rows("dt.datetime(2024, 1, 1)", "'2024-01-01T00:00:00.123456789Z'"), CONVERTED),
    "nanoseconds as text, first": (
        rows("'2024-01-01T00:00:00.123456789Z'"),
        "row 1, column x: got a str for a column of type timestamp",
    ),
    "time beyond the last year in UTC": (
        rows("dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5)))"),
        "row 1, column x: got a time that is outside of the years 1 to 9999 in UTC",
    ),
    "number that is no time": (
        rows("dt.datetime(2024, 1, 1)", "-(2**63)"),
        "row 2, column x: got a time that is outside of the years 1 to 9999 in UTC",
    ),
    "time of day with a zone": (
        rows("dt.time(1, tzinfo=dt.UTC)"),
        "row 1, column x: got a datetime.time for a column of type time",
    ),
    "timedelta": (rows("dt.timedelta(1)"), r"row 1, column x: got a datetime.timedelta; yield its total_seconds\(\)"),
    "lone surrogate": (rows(r"'\ud800'"), "row 1, column x: got text with a lone surrogate"),
    "text like a type of dlt's": (rows(r"'\uf0261.5'"), "row 1, column x: got text with .* a private character"),
    "bytes without a byte": (rows("b''"), "row 1, column x: got bytes without a byte, which would become NULL"),
    "bytearray": (rows("bytearray(b'a')"), "row 1, column x: got a bytearray; yield bytes"),
    "memoryview": (rows("memoryview(b'a')"), "row 1, column x: got a memoryview; yield bytes"),
    "set": (rows("{1}"), "row 1, column x: got a set; yield a list"),
    "complex": (rows("1j"), "row 1, column x: got a complex; accepted: None, bool, int"),
    "object": (rows("object()"), "row 1, column x: got an object; accepted: None, bool, int"),
    "class": (rows("int"), "row 1, column x: got a type; accepted: None, bool, int"),
    "path": (rows("Path('/a')"), "row 1, column x: got a pathlib.PosixPath; accepted"),
    "address": (rows("ipaddress.ip_address('1.2.3.4')"), "row 1, column x: got an ipaddress.IPv4Address; accepted"),
    "generator inside": (rows("(n for n in [1])"), "row 1, column x: got a generator; accepted"),
    "numpy number": (rows("np.int64(1)"), r"row 1, column x: got a numpy.int64; yield its .item\(\)"),
    "numpy array": (rows("np.array([1])"), r"row 1, column x: got a numpy.ndarray; yield its .item\(\)"),
    "pandas time with nanoseconds": (
        rows("pd.Timestamp('2024-01-01T00:00:00.123456789Z')"),
        r"row 1, column x: got a pandas.Timestamp; yield its .to_pydatetime\(\)",
    ),
    "pandas NaT": (rows("pd.NaT"), "row 1, column x: got a pandas.*; yield its .* None for NaT"),
    "pandas NA": (rows("pd.NA"), "row 1, column x: got a pandas.*; yield its .* None for NaT"),
    "a value that contains itself": (
        "row = {}\nrow['a'] = row\nyield row",
        "row 1, column a.a.a: got nested values deeper than 200 levels, or a value that contains itself",
    ),
    "a list that contains itself": (
        "row = {}\nrow['a'] = [row]\nyield row",
        r"row 1, column a\[\].a: nested lists give a table whose name is too long",
    ),
    "depth 100 of lists": (
        "yield nested({'v': 1}, 99, lambda row: {'k': [row]})",
        "row 1, column k.*: nested lists .*; set max_table_nesting",
    ),
    "depth 1500": (
        "yield nested({'v': 1}, 1500, lambda row: {'k': row})",
        "row 1, column k.k.k: got nested values deeper than 200",
    ),
    "keys that differ in case": ("yield {'A': 1, 'a': 2}", f"row 1, column a: the keys 'A' and 'a' {ONE_NAME}"),
    "keys of other alphabets": (
        "yield {'名前': 1}\nyield {'年齢': 2}",
        f"row 2, column 年齢: the keys '名前' and '年齢' {ONE_NAME}",
    ),
    "a nested key and a flat one": (
        "yield {'a': {'b': 1}, 'a__b': 2}",
        f"row 1, column a__b: the keys 'a.b' and 'a__b' {ONE_NAME}",
    ),
    "a flat key and a nested one": (
        "yield {'a__b': 2, 'a': {'b': 1}}",
        f"row 1, column a.b: the keys 'a__b' and 'a.b' {ONE_NAME}",
    ),
    "a nested list and a flat one": (
        "yield {'a': {'b': [1]}, 'a__b': [2]}",
        f"row 1, column a__b: the keys 'a.b' and 'a__b' {ONE_NAME}",
    ),
    "a number and its text as keys": ("yield {1: 1, '1': 2}", f"row 1, column 1: the keys '1' and '1' {ONE_NAME}"),
    "None as a key": ("yield {None: 1}", "row 1, column None: got a key that is a NoneType; keys are names"),
    "tuple as a key": ("yield {(1, 2): 1}", r"row 1, column \(1, 2\): got a key that is a tuple; keys are names"),
    "float as a key": ("yield {1.5: 1}", "row 1, column 1.5: got a key that is a float; keys are names"),
    "lone surrogate in a key": (
        r"yield {'\ud800': 1}",
        "row 1, column .*: got a key that cannot be written, it has a lone surrogate",
    ),
    "a load id of one's own": (
        "yield {'_dlt_load_id': 'mine'}",
        "row 1, column _dlt_load_id: dlt fills a column of this name",
    ),
    "an id of one's own in a list": ("yield {'a': [{'_dlt_id': 'mine'}]}", r"row 1, column a\[\]._dlt_id: dlt fills"),
    "an id that is no text": ("yield {'_dlt_id': 1}", "row 1, column _dlt_id: got an int; an id is text"),
    "row that is None": ("yield [{'a': 1}, None]", "row 2: got None for a row; leave it out"),
    "row that is an object": (
        "yield object()",
        "row 1: got an object; accepted: a dict, a list of dicts, an Arrow table",
    ),
    "row that is a set": ("yield {1, 2}", "row 1: got a set; accepted: a dict"),
    "ChainMap": ("yield collections.ChainMap({'a': 2})", "row 1: got a collections.ChainMap; accepted: a dict"),
    "mapping proxy": ("yield types.MappingProxyType({'a': 2})", "row 1: got a mappingproxy; accepted: a dict"),
    "deque": ("yield collections.deque([{'a': 1}])", "row 1: got a collections.deque; accepted: a dict, a list"),
    "generator in a page": ("yield [(row for row in [])]", "row 1.*: got a generator; accepted"),
    "page of rows and frames": (
        "yield [{'a': 1}, pa.table({'a': [1]})]",
        "row 2: got a pyarrow.lib.Table in a page of rows; yield each by itself",
    ),
    "page of frames and rows": ("yield [pa.table({'a': [1]}), {'a': 1}]", "row 1: got a page of rows and frames"),
    "Arrow uint64 that does not fit": (
        table("pa.array([1, 2**63], pa.uint64())"),
        "row 2, column x: an unsigned integer of 64 bits that a bigint cannot hold; `columns: {x: {data_type: decimal",
    ),
    "Arrow nanoseconds": (
        table("pa.array([0, 1], pa.timestamp('ns', 'UTC'))"),
        r"row 2, column x: values of type timestamp\[ns, tz=UTC\] do not fit",
    ),
    "Arrow nanoseconds of a day": (
        table("pa.array([1000, 1], pa.time64('ns'))"),
        r"row 2, column x: values of type time64\[ns\] do not fit",
    ),
    "Arrow time beyond microseconds": (
        table("pa.array([0, 2**62], pa.timestamp('s'))"),
        "row 2, column x: values of type timestamp",
    ),
    "Arrow Decimal of 40 digits": (
        table("[Decimal('9' * 40)]"),
        "row 1, column x: decimals of more than 38 digits; cast them to text",
    ),
    "Arrow duration": (
        table("[dt.timedelta(1)]"),
        r"row 1, column x: a duration has no type in the warehouse; `columns: \{x: \{data_type: bigint\}\}` stores",
    ),
    "Arrow interval": (
        table("[pa.MonthDayNano([1, 2, 3])]"),
        "row 1, column x: the Arrow type month_day_nano_interval has no type",
    ),
    "Arrow column without a type": (table("pa.nulls(1)"), "the frame that starts with row 1: no column has a type"),
    "Arrow names that are one": (
        "yield pa.table({'A': [1], 'a': [2]})",
        f"row 1, column a: the columns 'A' and 'a' {ONE_NAME}",
    ),
    "Arrow names that are the same": (
        "yield pa.table([[1], [2]], names=['a', 'a'])",
        f"row 1, column a: the columns 'a' and 'a' {ONE_NAME}",
    ),
    "Arrow load id of one's own": ("yield pa.table({'_dlt_load_id': ['a']})", "row 1, column _dlt_load_id: dlt fills"),
    "Arrow text that is no UTF-8": (
        "yield pa.table({'x': broken_text()})",
        "row 2, column x: text that is no UTF-8; yield bytes",
    ),
    "Arrow NaN inside": (
        table("[{'a': 1.0}, {'a': math.nan}]"),
        "row 2, column x: NaN or an infinity inside nested values",
    ),
    "Arrow duration inside": (
        table("[{'a': dt.timedelta(1)}]"),
        r"row 1, column x: duration\[us\] inside nested values",
    ),
    "Arrow nanoseconds inside": (
        table("pa.array([[1]], pa.list_(pa.timestamp('ns')))"),
        r"row 1, column x: timestamp\[ns\] inside nested values",
    ),
    "Arrow fields of one name inside": (
        table("pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=['a', 'a'])"),
        "row 1, column x: two fields of one name inside nested values",
    ),
    "Arrow map with NaN": (
        table("pa.array([[('k', 1.0)], [('k', math.nan)]], pa.map_(pa.string(), pa.float64()))"),
        "row 2, column x: NaN or an infinity inside nested values",
    ),
    "Arrow map with numbers as keys": (
        table("pa.array([[(1, 1)]], pa.map_(pa.int64(), pa.int64()))"),
        "row 1, column x: keys of type int64 inside nested values",
    ),
    "Arrow map with a key twice": (
        table("pa.array([[('k', 1)], [('k', 1), ('k', 2)]], pa.map_(pa.string(), pa.int64()))"),
        "row 2, column x: a map with a key twice",
    ),
    "Arrow bytes inside": (table("[{'a': b'q'}]"), "row 1, column x: bytes inside nested values"),
    "Arrow int, then text": (
        table("[1]", "['1', 'b']"),
        "row 3, column x: values of type string do not fit the column, which is int64",
    ),
    "Arrow int, then float": (
        table("[1]", "[2.5]"),
        "row 2, column x: values of type double do not fit the column, which is int64",
    ),
    "Arrow float, then an int it cannot hold": (
        table("[1.5]", "[2**53 + 1]"),
        "row 2, column x: values of type int64 do not fit",
    ),
    "Arrow date, then time": (
        table("[dt.date(2024, 1, 1)]", "[dt.datetime(2024, 1, 1, 5)]"),
        "row 2, column x: values of type timestamp",
    ),
    "Arrow struct that changes": (table("[{'a': 1}]", "[{'a': 2, 'b': 3}]"), "row 2, column x: values of type struct"),
    "dicts after Arrow": (
        "yield pa.table({'x': [1]})\nyield {'x': 2}",
        "row 2: got a dict, and the table holds Arrow rows",
    ),
    "pandas column of several types": (
        "yield pd.DataFrame({'x': [1, 'a']})",
        "the frame that starts with row 1: column x: values of several types",
    ),
    "pandas names that are the same": (
        "yield pd.DataFrame([[1, 2]], columns=['a', 'a'])",
        "the frame that starts with row 1: duplicate names",
    ),
    "pandas index with a name": (
        "yield pd.DataFrame({'x': [1], 'i': [2]}).set_index('i')",
        r"the frame that starts with row 1: the frame's index i would be lost; yield its reset_index\(\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_is_refused(tree: Tree, pipeline: dlt.Pipeline, case: str) -> None:
    """Values that would be changed or lost are refused during extraction; the error names row and column."""
    body, message = REFUSED[case]
    give(tree, body)
    assert re.match(message, refusal(tree, pipeline))
    assert not pipeline.has_pending_data


def test_a_refusal_writes_nothing(tree: Tree) -> None:
    """A load with one bad value creates no table, names the resource, and does not affect later loads."""
    with pytest.raises(ValueRefused, match=r"^raw\.t: row 3, column x: got a set"):
        load(tree, rows("1", "2", "{3}"))
    assert tree.query("select count(*) from information_schema.tables where table_name = 't'") == [0]
    assert load(tree, rows("1", "2")).row_count == 2


CHANGES: dict[str, Any] = {
    "dicts: bool, then 2": (rows("True"), rows("2"), CONVERTED.replace("row 2", "row 1")),
    "dicts: text, then bytes": (rows("'a'"), rows("b'a'"), CONVERTED.replace("row 2", "row 1")),
    "dicts, then a nested key": ("yield {'a__b': 1}", "yield {'a': {'b': 2}}", None),
    "dicts, then Arrow": (rows("1"), table("[2]"), None),
    "dicts, then Arrow of another type": (rows("1"), table("['a']"), None),
    "Arrow, then dicts": (table("[1]"), rows("2"), "row 1: got a dict, and the table holds Arrow rows"),
    "Arrow: int, then text": (table("[1]"), table("['a']"), "row 1, column x: values of type string do not fit"),
    "Arrow: int, then small int": (table("[1]"), table("pa.array([2], pa.int8())"), None),
    "Arrow: struct that changes": (table("[{'a': 1}]"), table("[{'a': 'b', 'c': 2}]"), None),
    "Arrow: more digits than before": (
        table("[Decimal('1.5')]"),
        table("[Decimal('1.55')]"),
        r"row 1, column x: values of type decimal128\(3, 2\) do not fit",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_between_loads_is_preserved_or_refused(tree: Tree, case: str) -> None:
    """A later load fits the existing column exactly, or is refused and leaves the table unchanged."""
    first, second, refused = CHANGES[case]
    load(tree, first)
    before = tree.query("from raw.t")
    if refused:
        with pytest.raises(ValueRefused, match=refused):
            load(tree, second)
        assert tree.query("from raw.t") == before
        load(tree, first)
    else:
        load(tree, second)
    assert tree.query("select count(*) from raw.t") == [2]


DECLARED: dict[str, Any] = {
    "a long int as the error advises": (
        "{data_type: decimal, precision: 38, scale: 0}",
        "Decimal(2**70)",
        "DECIMAL(38,0)",
        Decimal(2**70),
    ),
    "many places": (
        "{data_type: decimal, precision: 38, scale: 20}",
        "Decimal('1E-20')",
        "DECIMAL(38,20)",
        Decimal("1E-20"),
    ),
    "nanoseconds as text": (
        "{data_type: text}",
        "'2024-01-01T00:00:00.123456789Z'",
        "VARCHAR",
        "2024-01-01T00:00:00.123456789Z",
    ),
    "any int as text": ("{data_type: text}", "str(2**300)", "VARCHAR", str(2**300)),
    "a date of text": ("{data_type: date}", "'2024-01-05'", "DATE", dt.date(2024, 1, 5)),
    "seconds since 1970": ("{data_type: timestamp}", "1704110400", "TIMESTAMP WITH TIME ZONE", UTC_NOON),
    "a wall clock": (
        "{data_type: timestamp, timezone: false}",
        "dt.datetime(2024, 1, 1, 12)",
        "TIMESTAMP",
        UTC_NOON.replace(tzinfo=None),
    ),
    "base64": ("{data_type: binary}", "'aGVsbG8='", "BLOB", b"hello"),
    "nested values in one column": (
        "{data_type: json}",
        "{'a': [1, None, 'é', 2**60, 1.5]}",
        "JSON",
        '{"a":[1,null,"é",1152921504606846976,1.5]}',
    ),
}


@pytest.mark.parametrize("case", DECLARED)
def test_a_declared_type_stores_its_values(tree: Tree, case: str) -> None:
    """The type that an error advises works when it is set in sources.yaml."""
    column, value, kind, landed = DECLARED[case]
    load(tree, rows(value), more=f", columns: {{x: {column}}}")
    assert columns(tree)["x"] == kind
    assert tree.query("select x from raw.t") == [landed]


UNFIT: dict[str, Any] = {
    "fewer places": ("{data_type: decimal, precision: 5, scale: 1}", "Decimal('1.55')", "more digits"),
    "fewer digits of a second": (
        "{data_type: timestamp, precision: 3}",
        "dt.datetime(2024, 1, 1, 0, 0, 0, 1)",
        "would change it",
    ),
    "a smaller int": ("{data_type: bigint, precision: 32}", "2**31", "beyond 64 bits|would change it|does not fit"),
    "None where there is to be a value": (
        "{data_type: text, nullable: false}",
        "None",
        "got None for a column that is not nullable",
    ),
    "NaN in JSON": ("{data_type: json}", "{'a': [math.nan]}", "got nested values that cannot be written"),
    "bytes in JSON": ("{data_type: json}", "{'a': b'q'}", "got bytes inside JSON"),
    "a number as a key in JSON": ("{data_type: json}", "{1: 2}", "got a key that is an int"),
    "a value in JSON that contains itself": (
        "{data_type: json}",
        "nested([], 1500, lambda inner: [inner])",
        "deeper than 200 levels",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_declared_type_refuses_what_does_not_fit(tree: Tree, pipeline: dlt.Pipeline, case: str) -> None:
    """A declared type never rounds, truncates or drops a value."""
    column, value, message = UNFIT[case]
    give(tree, rows(value), more=f", columns: {{x: {column}}}")
    assert re.match(f"row 1, column x: .*({message})", refusal(tree, pipeline))


@pytest.mark.parametrize("kind", ["rows", "frames"])
def test_a_refusal_counts_rows_over_pages(tree: Tree, pipeline: dlt.Pipeline, kind: str) -> None:
    """The row number in the error counts all rows of the load, across pages."""
    page = "[{'x': n} for n in range(3)]" if kind == "rows" else "pa.table({'x': [0, 1, 2]})"
    bad = "[{'x': 0}, {'x': 2**64}]" if kind == "rows" else "pa.table({'x': pa.array([0, 2**63], pa.uint64())})"
    give(tree, f"yield {page}\nyield {page}\nyield {bad}")
    assert refusal(tree, pipeline).startswith("row 8, column x: ")


@pytest.mark.parametrize("value", ["{'hunter2'}", "{'password': {'hunter2'}}", "Decimal('0.12345678902')", "'0123'"])
def test_a_refusal_shows_no_value(tree: Tree, pipeline: dlt.Pipeline, value: str) -> None:
    """An error names the place and the type of a value, but not the value, which may be a secret."""
    give(tree, rows("1", value))
    assert not re.search("hunter2|123", refusal(tree, pipeline))


def test_a_transformers_input_is_not_checked(tree: Tree) -> None:
    """Values passed from a parent to its transformer may be of any type."""
    data = """
        def parents():
            yield [{"f": {1, 2}}]

        def get(rows):
            yield [{"x": len(row["f"])} for row in rows]
        """
    parent = "{entry: data.parents, destination: raw.parents}"
    tree.add("s", f"resources: [{parent}, {{entry: data.get, data_from: parents, destination: raw.t}}]", data)
    assert tree.load("s.t").rows == 1
    assert tree.query("select x from raw.t") == [2]
