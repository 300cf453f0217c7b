"""Rows of Python values, as drivers without Arrow give them, in columns: exactly, or refused with row and column."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from data_foundation.readers.sql.arrow_casts import exact_table, refuse
from data_foundation.readers.sql.database import Column

Convert = Callable[[Any], Any]


def read_rows(pages: Iterable[Sequence[Any]], columns: Sequence[Column]) -> Iterator[Any]:
    """Yields pages of rows as Arrow tables.

    Raises:
        ValueRefused: A value has no exact place in its column.
    """
    count = 0
    for page in pages:
        values = zip(*page, strict=True)
        arrays = [_array(column, list(one), count) for column, one in zip(columns, values, strict=True)]
        yield exact_table(columns, arrays, count)
        count += len(page)


def _array(column: Column, values: list[Any], before: int) -> Any:
    accepted, conversions = _ways(column.kind)
    kinds = {type(value) for value in values} - {type(None)}
    try:
        if kinds <= accepted:
            return pa.array(values, column.kind)
        return pa.array([_convert(value, accepted, conversions) for value in values], column.kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError):
        index = next(row for row, value in enumerate(values) if not _fits(value, column.kind))
    raise refuse(column, before + index, f"got {_shown(values[index])}, which does not fit {column.kind}") from None


def _convert(value: Any, accepted: frozenset[type], conversions: dict[type, Convert]) -> Any:
    if value is None or type(value) in accepted:
        return value
    for kind in type(value).__mro__:
        if kind in conversions:
            return conversions[kind](value)
    raise TypeError


def _fits(value: Any, kind: Any) -> bool:
    try:
        pa.array([_convert(value, *_ways(kind))], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError):
        return False
    return True


def _shown(value: Any) -> str:
    """Returns what kind of value it is; not the value, which is nobody's business in a log."""
    return "a number" if isinstance(value, int | float | Decimal) else f"a {type(value).__name__}"


def _boolean(value: int) -> bool:
    if value not in {0, 1}:
        raise ValueError
    return bool(value)


def _decimal(value: float) -> Decimal:
    # The shortest digits that give this double: those that were written into the database.
    return Decimal(repr(value))


def _day(value: dt.datetime) -> dt.date:
    if value.time() != dt.time(0):
        raise ValueError
    return value.date()


def _time(value: str) -> dt.time:
    _refuse_too_fine(value)
    read = dt.time.fromisoformat(value)
    if read.tzinfo:
        raise ValueError
    return read


def _clock(value: dt.timedelta) -> dt.time:
    if not dt.timedelta(0) <= value < dt.timedelta(days=1):
        raise ValueError
    return (dt.datetime(1, 1, 1) + value).time()  # noqa: DTZ001 - a time of a day has no zone


def _moment(value: str) -> dt.datetime:
    _refuse_too_fine(value)
    return dt.datetime.fromisoformat(value)


def _refuse_too_fine(value: str) -> None:
    """Refuses digits behind the microseconds, which Python would drop.

    Raises:
        ValueError: There are some.
    """
    if (found := _FRACTION.search(value)) and len(found[1].rstrip("0")) > MICROSECOND_DIGITS:
        raise ValueError


def _midnight(value: dt.date) -> dt.datetime:
    return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date has no zone


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise ValueError
    return int(value)


def _double(value: Decimal) -> float:
    converted = float(value)
    if math.isfinite(converted) and Decimal(repr(converted)) != value:
        raise ValueError
    return converted


MICROSECOND_DIGITS = 6
_FRACTION = re.compile(r"[.,](\d+)")
_TIME_OF_DAY = pa.time64("us")
_WAYS: dict[Any, tuple[frozenset[type], dict[type, Convert]]] = {
    pa.bool_(): (frozenset({bool}), {int: _boolean, bytes: lambda value: _boolean(int.from_bytes(value, "big"))}),
    pa.int64(): (frozenset({int}), {Decimal: _whole}),
    pa.float64(): (frozenset({float, int}), {Decimal: _double}),
    pa.string(): (frozenset({str}), {uuid.UUID: str}),
    pa.binary(): (frozenset({bytes}), {bytearray: bytes, memoryview: bytes}),
    pa.date32(): (frozenset({dt.date}), {dt.datetime: _day, str: dt.date.fromisoformat}),
    _TIME_OF_DAY: (frozenset({dt.time}), {str: _time, dt.timedelta: _clock}),
}
_DECIMALS: tuple[frozenset[type], dict[type, Convert]] = (
    frozenset({Decimal, int}),
    {float: _decimal, str: Decimal},
)
_MOMENTS: tuple[frozenset[type], dict[type, Convert]] = (
    frozenset({dt.datetime}),
    {str: _moment, dt.date: _midnight},
)


def _ways(kind: Any) -> tuple[frozenset[type], dict[type, Convert]]:
    """Returns which values Arrow takes as they are, and how others become such."""
    if pa.types.is_decimal(kind):
        return _DECIMALS
    return _MOMENTS if pa.types.is_timestamp(kind) else _WAYS[kind]
