"""Writes values as the text that is hashed: equal values give equal text, whatever their column's type."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

EXACT_WHOLE = 10**15
"""Whole floats below this are written like integers."""

_DIGITS_OF_DUCKDB = 38


def as_spelt(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column in a type that DuckDB can write: times in UTC without a zone, decimals that fit."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp(kind.unit)) if kind.tz else column
    if pa.types.is_decimal(kind) and max(kind.precision, kind.scale + 1) > _DIGITS_OF_DUCKDB:
        # More digits than DuckDB's decimals have; Arrow would write them with an exponent.
        texts = (None if value is None else f"{value:f}" for value in column.to_pylist())
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_decimal(kind) and kind.precision == kind.scale:
        # DuckDB would write .5 if the type has no digit before the point.
        return column.cast(pa.decimal128(kind.precision + 1, kind.scale))
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    return column


def spell(kind: Any, column: str) -> str:
    """Returns DuckDB SQL for the text of a column's values, NULL for NULL.

    Args:
        kind: The Arrow type that the column had before `as_spelt`.
        column: The quoted name of the column.
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
    """Returns SQL for a text without trailing zeros of its fraction."""
    return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
