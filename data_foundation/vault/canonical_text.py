"""How a value is spelt before it is hashed: one spelling for one value, whatever type and precision its column has."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

EXACT_WHOLE = 10**15
"""Up to here a float that is whole is spelt as an integer is."""

_DIGITS_OF_DUCKDB = 38


def as_spelt(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column as DuckDB can spell it: times in UTC without a zone, decimals of any precision."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp(kind.unit)) if kind.tz else column
    if pa.types.is_decimal(kind) and max(kind.precision, kind.scale + 1) > _DIGITS_OF_DUCKDB:
        # More digits than DuckDB has, which no table's default has, and which Arrow would spell with an exponent.
        texts = (None if value is None else f"{value:f}" for value in column.to_pylist())
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_decimal(kind) and kind.precision == kind.scale:
        # DuckDB spells .5 where there is no room for a digit in front of the point.
        return column.cast(pa.decimal128(kind.precision + 1, kind.scale))
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    return column


def spell(kind: Any, column: str) -> str:
    """Returns SQL of DuckDB's for the text that stands for the values of a column, NULL for none.

    Args:
        kind: The Arrow type that the column had before `as_spelt`.
        column: Its name, quoted.
    """
    text = f"CAST({column} AS VARCHAR)"
    if pa.types.is_decimal(kind):
        return _without_zeros(text)
    if pa.types.is_floating(kind):
        whole = f"isfinite({column}) AND abs({column}) < {EXACT_WHOLE} AND {column} = trunc({column})"
        return f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE {text} END"
    if pa.types.is_timestamp(kind):
        return _without_zeros(f"replace({text}, ' ', 'T')")
    if pa.types.is_time(kind):
        return _without_zeros(text)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return f"lower(hex({column}))"
    return text


def _without_zeros(text: str) -> str:
    """Returns SQL for a text without the zeros that end its fraction."""
    return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
