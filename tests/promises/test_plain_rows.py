"""Rows that Arrow reads as JSON: they give the same tables as rows that are converted in Python."""

import datetime as dt
import enum
import math
import uuid
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import dlt
import pyarrow as pa
import pytest
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_foundation.errors import ValueRefused
from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.converter import Converter
from data_foundation.rows.columnar.rows_as_json import read_plain, rows_of, write_plain
from data_foundation.rows.exact.row_shape import root_shape
from data_foundation.rows.exact.schema_preview import SchemaPreview
from data_foundation.rows.exact.value_rules import Unacceptable

Row = dict[str, Any]

SAMPLE, ALL = 150, 20_000
"""Number of pages, and with --promises."""


class Colour(enum.Enum):
    """Values that JSON writes as other values."""

    RED = "red"
    NO_NUMBER = math.nan


class Text(str):
    """A subclass of str, as some libraries have."""

    __slots__ = ()


ID = uuid.UUID(int=7)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "number": st.integers(-9, 9) | st.floats(-9, 9) | st.just(2**60 + 1),
    "bool": st.booleans(),
    "text": st.text(max_size=5) | st.sampled_from(["null", "NaN", '"', "a\0b", "line\nbreak", "\u2028"]),
    "time": st.sampled_from(["2024-01-01T00:00:00Z", "2024-06-01T12:00:00.123456+05:30", "2024-01-01 10:00"]),
}
# Values that only Python has, values that JSON changes, and values of another type than the column's.
STRAYS: list[Any] = [
    *(math.nan, math.inf, -math.inf, (1, 2), (), ID, Colour.RED, Colour.NO_NUMBER, Text("a"), Decimal("1.5"), b"a"),
    *(dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.date(2024, 1, 1), 2**63, 2**64, "\ud800", 0, 0.0, "", False, [], {}),
    *([None], [math.nan], [{}], [[1]], {"new": 1}, {"a": math.nan}, {1: 2}, [{"a": math.inf}], [{"new": [1]}]),
]
WRITTEN_BY_JSON = (tuple, uuid.UUID, enum.Enum)
SHAPES = st.dictionaries(
    st.sampled_from("abcde"),
    st.recursive(
        st.sampled_from(sorted(SCALARS)),
        lambda inner: (
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
            | st.lists(inner, min_size=1, max_size=1)
        ),
        max_leaves=4,
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(autouse=True)
def _to_duckdb() -> Iterator[None]:
    with Container().injectable_context(dlt.destinations.duckdb().capabilities()):
        assert DestinationCapabilitiesContext in Container()
        yield


def learned(first: list[Row]) -> Converter:
    """Returns a converter of table `t` after it has converted these rows."""
    hints = dlt.resource([], name="t").compute_table_schema()
    converter = Converter(root_shape(SchemaPreview(dlt.Schema("s"), hints, [])), "1700000000.1")
    converter.convert(first)
    return converter


def by_json(converter: Converter, page: list[Row]) -> tuple[dict[str, pa.Table], list[Row]] | None:
    """Returns the tables and the rows in their JSON; None if the rows must be converted in Python."""
    try:
        arrays = [write_plain(page)]
        return converter.convert_columns(read_plain(converter.reader(), arrays)), rows_of(arrays)
    except NotColumnar:
        return None


def by_python(converter: Converter, page: list[Row]) -> dict[str, pa.Table] | None:
    """Returns the tables of rows converted in Python; None if they cannot be converted."""
    try:
        return converter.convert(page)
    except (NotColumnar, ValueRefused, Unacceptable):
        return None


@st.composite
def _pages(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    shape, gaps = draw(SHAPES), draw(st.sampled_from([0, 0, 20, 60]))
    strays = draw(st.sampled_from([0, 0, 3, 10]))
    chance = draw(st.randoms(use_true_random=False))
    pools = {name: draw(st.lists(values, min_size=1, max_size=4)) for name, values in SCALARS.items()}

    def value(of: Any, strays: int) -> Any:
        if chance.randrange(100) < strays:
            return chance.choice(STRAYS)
        if chance.randrange(100) < gaps:
            return None
        if isinstance(of, dict):
            return row(of, strays)
        if isinstance(of, list):
            return [value(of[0], strays) for _ in range(chance.randrange(4))]
        return chance.choice(pools[of])

    def row(of: Row, strays: int) -> Row:
        return {key: value(inner, strays) for key, inner in of.items() if chance.randrange(100) >= gaps // 2}

    def page(name: str, strays: int) -> list[Row]:
        return [{"_dlt_id": f"{name}{number}", **row(shape, strays)} for number in range(1, 8)]

    return page("first", 0), page("row", strays)


def _holds(value: Any, kinds: tuple[type, ...]) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, kinds) or any(_holds(one, kinds) for one in inner)


@pytest.mark.timeout(3600)
def test_json_and_python_give_the_same_tables(request: pytest.FixtureRequest) -> None:
    """Rows that JSON cannot represent are left to the conversion in Python: no value is lost or changed."""
    every = request.config.getoption("--promises")
    met: Counter[tuple[str, bool]] = Counter()

    @settings(
        max_examples=ALL if every else SAMPLE,
        deadline=None,
        derandomize=not every,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_pages())
    def are_equal(pages: tuple[list[Row], list[Row]]) -> None:
        first, page = pages
        try:
            found = by_json(learned(first), page)
        except NotColumnar:
            return
        expected = by_python(learned(first), page)
        met["by json" if found else "left", expected is not None] += 1
        if found is None:
            return
        tables, read_back = found
        assert tables == by_python(learned(first), read_back)
        if expected is None:
            # dlt's own path also writes these rows as JSON.
            assert _holds(page, WRITTEN_BY_JSON)
        else:
            assert tables == expected

    are_equal()
    assert min(met["by json", True], met["left", True], met["left", False]) > (ALL if every else SAMPLE) // 20, met


@pytest.mark.parametrize("lost", [math.nan, math.inf, Colour.NO_NUMBER], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        lambda value: {"whole": value},
        lambda value: {"text": value},
        lambda value: {"nothing": value},
        lambda value: {"object": value},
        lambda value: {"object": {"x": value}},
        lambda value: {"object": {"of": {"y": value}}},
        lambda value: {"values": value},
        lambda value: {"values": [1, value]},
        lambda value: {"objects": value},
        lambda value: {"objects": [{"x": 1}, value]},
        lambda value: {"objects": [{"x": 1}, {"x": value}]},
        lambda value: {"objects": [{"inner": [{"z": value}]}]},
        lambda value: {"keyless": value},
        lambda value: {"empty": value},
        lambda value: {"keyless_items": [{}, value]},
    ],
)
def test_values_that_json_writes_as_null_are_detected(lost: Any, place: Any) -> None:
    """JSON writes NaN and infinity as null; this is detected at any depth, and real nulls are accepted."""
    full = {
        "whole": 1,
        "text": "a",
        "nothing": None,
        "object": {"x": 1.5, "of": {"y": 1}},
        "values": [1, 2],
        "objects": [{"x": 1, "inner": [{"z": 1}]}],
        "keyless": {},
        "empty": [],
        "keyless_items": [{}],
    }
    converter = learned([full])
    assert by_json(converter, [full, place(None), full]) is not None
    assert by_json(converter, [full, place(lost), full]) is None


def test_rows_with_other_keys_than_text_are_converted_in_python() -> None:
    """A key that is not a string is converted in Python, because JSON would turn it into a string."""
    converter = learned([{2020: 1}])  # type: ignore[dict-item]
    with pytest.raises(NotColumnar, match="2020: a key that is no text"):
        converter.reader()
    assert by_json(learned([{"a": 1}]), [{1: 1}]) is None  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("strategy", "kind"), [("scd2", "row_hash"), ("upsert", "key_hash"), ("delete-insert", "random")]
)
def test_the_kind_of_row_ids_survives_a_reverted_schema(strategy: Any, kind: str) -> None:
    """The kind of row ids stays known while another thread reverts the schema of a refused page."""
    disposition: Any = {"disposition": "merge", "strategy": strategy}
    hints = dlt.resource([], name="t", primary_key="id", write_disposition=disposition).compute_table_schema()
    preview = SchemaPreview(dlt.Schema("s"), hints, [])
    assert preview.row_id_type == kind
    preview.restore({})
    assert preview.row_id_type == kind
