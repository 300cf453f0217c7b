"""Converts rows of Python values to Arrow tables, for drivers without Arrow; every value exactly, or with an error."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from data_foundation.readers.sql.database import Column
from data_foundation.readers.sql.databases.arrow_casts import exact_table, refuse

Convert = Callable[[Any], Any]


def read_rows(pages: Iterable[Sequence[Any]], columns: Sequence[Column]) -> Iterator[Any]:
    """Yields each page of rows as an Arrow table.

    Raises:
        ValueRefused: A value does not fit the type of its column exactly; names row and column.
    """
    count = 0
    for page in pages:
        values = zip(*page, strict=True)
        arrays = [_array(column, list(one), count) for column, one in zip(columns, values, strict=True)]
        yield exact_table(columns, arrays, count)
        count += len(page)


def _array(column: Column, values: list[Any], before: int) -> Any:
    accepted, conversions = _conversions(column.kind)
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
        pa.array([_convert(value, *_conversions(kind))], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError):
        return False
    return True


def _shown(value: Any) -> str:
    """Returns a value's type in words; the value itself may be personal data and stays out of logs."""
    return "a number" if isinstance(value, int | float | Decimal) else f"a {type(value).__name__}"


def _boolean(value: int) -> bool:
    if value not in {0, 1}:
        raise ValueError
    return bool(value)


def _decimal(value: float) -> Decimal:
    # The shortest digits that give this double are those that were written into the database.
    return Decimal(repr(value))


def _day(value: dt.datetime) -> dt.date:
    if value.time() != dt.time(0):
        raise ValueError
    return value.date()


def _time(value: str) -> dt.time:
    _refuse_too_fine(value)
    time_of_day = dt.time.fromisoformat(value)
    if time_of_day.tzinfo:
        raise ValueError
    return time_of_day


def _clock(value: dt.timedelta) -> dt.time:
    if not dt.timedelta(0) <= value < dt.timedelta(days=1):
        raise ValueError
    return (dt.datetime(1, 1, 1) + value).time()  # noqa: DTZ001 - a time of day has no zone


def _moment(value: str) -> dt.datetime:
    _refuse_too_fine(value)
    return dt.datetime.fromisoformat(value)


def _refuse_too_fine(value: str) -> None:
    """Refuses digits after the microseconds, which Python would drop.

    Raises:
        ValueError: The text has such digits.
    """
    if (fraction := _FRACTION.search(value)) and len(fraction[1].rstrip("0")) > MICROSECOND_DIGITS:
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
_BY_TYPE: dict[Any, tuple[frozenset[type], dict[type, Convert]]] = {
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
_TIMESTAMP_CONVERSIONS: tuple[frozenset[type], dict[type, Convert]] = (
    frozenset({dt.datetime}),
    {str: _moment, dt.date: _midnight},
)


def _conversions(kind: Any) -> tuple[frozenset[type], dict[type, Convert]]:
    """Returns the Python types that Arrow accepts for a type, and the conversions of others to them."""
    if pa.types.is_decimal(kind):
        return _DECIMALS
    return _TIMESTAMP_CONVERSIONS if pa.types.is_timestamp(kind) else _BY_TYPE[kind]
