"""Casts a driver's Arrow arrays to the types of their columns; a value that would change fails with row and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_foundation.errors import ValueRefused
from data_foundation.readers.sql.database import Column
from data_foundation.rows.exact.bisection import first_refused

_AS_TEXT = "`columns: {{{name}: {{data_type: text}}}}` reads the column as text"
_DAY = 86_400_000_000
# The range that Python, Parquet and every warehouse can store: the years 1 to 9999.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_OUT_OF_RANGE = "an infinity, or a year outside 1 to 9999"


def exact_table(columns: Sequence[Column], arrays: Sequence[Any], before: int) -> Any:
    """Returns an Arrow table of the arrays, each in the type of its column.

    Args:
        columns: Columns of the table.
        arrays: Their values, in the Arrow types that the driver chose.
        before: Number of rows read before these, to number the rows in errors.

    Raises:
        ValueRefused: A value does not fit its column, or no warehouse can store it.
    """
    exact = [_exact(column, array, before) for column, array in zip(columns, arrays, strict=True)]
    return pa.Table.from_arrays(exact, names=[column.name for column in columns])


def refuse(column: Column, row: int, reason: str) -> ValueRefused:
    """Returns the error for a value of a column; `row` counts from 0."""
    help_text = _AS_TEXT.format(name=column.name)
    return ValueRefused(f"row {row + 1}, column {column.name} ({column.declared}): {reason}; {help_text}")


def _exact(column: Column, values: Any, before: int) -> Any:
    values = values.storage if isinstance(values.type, pa.BaseExtensionType) else values
    if column.kind is not None and values.type != column.kind:
        try:
            values = values.cast(column.kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            index = first_refused(values, lambda part: part.cast(column.kind))
            raise refuse(column, before + index, f"the value does not fit {column.kind}") from None
    if (bounds := _bounds(values.type)) and (outside := _first_outside(values, *bounds[:2])) is not None:
        raise refuse(column, before + outside, bounds[2])
    return values


def _bounds(kind: Any) -> tuple[int, int, str] | None:
    """Returns the smallest and the largest accepted value as integers, and a description of the values beyond.

    Returns None if the type has no such bounds.
    """
    if pa.types.is_timestamp(kind) and kind.unit == "us":
        return _FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1, _OUT_OF_RANGE
    if pa.types.is_date32(kind):
        return _FIRST_DAY, _LAST_DAY, _OUT_OF_RANGE
    if pa.types.is_time64(kind):
        return 0, _DAY - 1, "24:00, which is not a time of day"
    return None


def _first_outside(values: Any, lowest: int, highest: int) -> int | None:
    numbers = values.view(pa.int32() if pa.types.is_date32(values.type) else pa.int64())
    ends = pc.min_max(numbers)
    smallest, largest = ends["min"].as_py(), ends["max"].as_py()
    if smallest is None or (smallest >= lowest and largest <= highest):
        return None
    outside = pc.or_(pc.less(numbers, lowest), pc.greater(numbers, highest))
    return int(pc.index(outside, value=True).as_py())
