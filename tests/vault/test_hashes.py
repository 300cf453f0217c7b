"""Hashes of a vault, as in docs/how-to/keep-every-version.md: a value has one hash in every type and column order."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_foundation.vault.hashes import HASH_KEY, ROW_HASH, Hashes

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(max_size=5),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "bool": st.booleans(),
    "decimal": st.decimals(min_value=-(10**20), max_value=10**20, places=3),
    "at": st.datetimes(min_value=datetime(1900, 1, 1)),  # noqa: DTZ001 - the strategy adds the zone
    "day": st.dates(),
    "bytes": st.binary(max_size=4),
}
TYPES = {"decimal": pa.decimal128(38, 9), "at": pa.timestamp("us", "UTC")}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), min_size=1, max_size=5
)


def as_table(rows: list[dict[str, Any]], order: list[str]) -> pa.Table:
    """Returns the rows as an Arrow table with the columns in this order; `id` is the row's position."""
    keyed = [{"id": number, **row} for number, row in enumerate(rows)]
    return pa.table({name: pa.array([row[name] for row in keyed], TYPES.get(name)) for name in order})


def hashes_of(table: pa.Table, key: tuple[str, ...] = ("id",)) -> list[tuple[str, str]]:
    """Returns the hash of the key and the hash of the row, for each row."""
    hashed = Hashes(key, Path())
    landed = hashed.add(table)
    hashed.close()
    return list(zip(landed[HASH_KEY].to_pylist(), landed[ROW_HASH].to_pylist(), strict=True))


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, order=st.permutations(["id", *VALUES]), cut=st.integers(0, 4))
def test_neither_order_nor_pages_nor_empty_columns_matter(
    rows: list[dict[str, Any]], order: list[str], cut: int
) -> None:
    """Hashes do not depend on the order of columns, the division into pages, or an additional empty column."""
    straight = as_table(rows, ["id", *VALUES])
    shuffled = as_table(rows, order).append_column("more", pa.nulls(len(rows), pa.string()))
    shuffled = shuffled.append_column("_dlt_load_id", pa.array(["1.0"] * len(rows)))
    pages = [page for page in (shuffled[:cut], shuffled[cut:]) if len(page)]
    assert hashes_of(straight) == [pair for page in pages for pair in hashes_of(page)]


@settings(max_examples=20, deadline=None)
@given(first=st.fixed_dictionaries(VALUES), second=st.fixed_dictionaries(VALUES))
def test_rows_that_differ_have_different_hashes(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Two rows have equal hashes only if all values are equal; NaN equals NaN, and -0.0 equals 0.0."""

    def plain(row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: "NaN" if value != value else value for name, value in row.items()}  # noqa: PLR0124 - that is NaN

    (one,) = hashes_of(as_table([first], ["id", *VALUES]))
    (other,) = hashes_of(as_table([second], ["id", *VALUES]))
    assert (one == other) == (plain(first) == plain(second))


@settings(max_examples=20, deadline=None)
@given(number=st.integers(-(10**15) + 1, 10**15 - 1))
def test_an_integer_has_the_same_hash_in_every_type(number: int) -> None:
    """An integer has the same hash as bigint, as double and as decimal of any scale."""
    kinds = [pa.int64(), pa.float64(), pa.decimal128(38, 9), pa.decimal128(18, 2), pa.decimal256(60, 20)]
    values = [number, float(number), *[Decimal(number)] * 3]
    found = {
        pair
        for kind, value in zip(kinds, values, strict=True)
        for pair in hashes_of(pa.table({"id": pa.array([value], kind)}))
    }
    assert len(found) == 1


MOMENT = datetime(2024, 1, 31, 12, 0, 0, 500000, UTC)
SAME: dict[str, list[Any]] = {
    "fraction": [
        pa.array([0.5]),
        pa.array([Decimal("0.5")]),
        pa.array([Decimal("0.500")], pa.decimal128(38, 9)),
        pa.array([Decimal("0.5")], pa.decimal128(38, 38)),
    ],
    "zero": [pa.array([0]), pa.array([-0.0]), pa.array([Decimal("0.00")])],
    "instant": [
        *(pa.array([MOMENT], pa.timestamp(unit, "UTC")) for unit in ("ms", "us", "ns")),
        pa.array([MOMENT.astimezone(timezone(timedelta(hours=2)))], pa.timestamp("us", "Europe/Amsterdam")),
    ],
    "text": [pa.array(["é"]), pa.array(["é"], pa.large_string()), pa.array(["é"]).dictionary_encode()],
}


@pytest.mark.parametrize("name", SAME)
def test_equal_values_have_equal_hashes(name: str) -> None:
    """Precision, scale, unit, time zone and encoding do not change a hash."""
    assert len({pair for column in SAME[name] for pair in hashes_of(pa.table({"id": column}))}) == 1


DIFFERENT: dict[str, list[dict[str, Any]]] = {
    "where a text ends": [{"id": 1, "a": "x", "b": "yz"}, {"id": 1, "a": "xy", "b": "z"}],
    "which column": [{"id": 1, "a": "x", "b": None}, {"id": 1, "a": None, "b": "x"}],
    "empty or none": [{"id": 1, "a": "", "b": "x"}, {"id": 1, "a": None, "b": "x"}],
    "what looks like a separator": [{"id": 1, "a": "1;b=1:2", "b": None}, {"id": 1, "a": "1", "b": "2"}],
    "a day and a text": [{"id": 1, "a": date(2024, 1, 31)}, {"id": 1, "a": "2024-02-01"}],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_similar_values_have_different_hashes(name: str) -> None:
    """Values that could be confused when joined to one text have different hashes."""
    first, second = (hashes_of(pa.Table.from_pylist([row])) for row in DIFFERENT[name])
    assert first[0][0] == second[0][0]
    assert first[0][1] != second[0][1]
