"""Converts the cells of a workbook to the types that `columns` declares, or to those that cells of a column share."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from data_foundation.readers.decimal_hint import declared_digits

_SIGNIFICANT_DIGITS = 15
"""Digits of a number that a workbook shows and keeps; a computed one has rounding errors behind them."""
_INT64 = range(-(2**63), 2**63)
_DURATION = re.compile(r"PT(\d+)H(\d+)M(\d+(?:[.,]\d+)?)S")
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a workbook has no zones
_DAY = dt.timedelta(days=1)


def with_durations(cells: Sequence[Any]) -> Sequence[Any]:
    """Returns the cells of a row of .ods with its durations, which python-calamine reads as texts like PT25H30M00S."""
    if not any(type(cell) is str and cell.startswith("PT") and _DURATION.fullmatch(cell) for cell in cells):
        return cells
    found = [_DURATION.fullmatch(cell) if isinstance(cell, str) else None for cell in cells]
    return [_span(*one.groups()) if one else cell for one, cell in zip(found, cells, strict=True)]


def _span(hours: str, minutes: str, seconds: str) -> dt.timedelta:
    return dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds.replace(",", ".")))


class Misfit(ValueError):
    """A cell has no value of the type of its column."""


def convert_cell(value: Any, hint: Mapping[str, Any]) -> Any:
    """Returns the value of a cell in the type of its column; texts of a typed column are converted elsewhere.

    Args:
        value: The value as the workbook has it: bool, int, float, str, date, datetime, time or timedelta.
        hint: The hint of the column; without a `data_type`, all numbers are doubles, and all dates timestamps.

    Raises:
        Misfit: The cell has no such value.
    """
    kind = hint.get("data_type")
    if kind is None:
        return _by_itself(value)
    converters = {"text": as_text, "bigint": _bigint, "double": _double, "bool": _bool, "date": _date, "time": _time,
                  "timestamp": _timestamp}  # fmt: skip
    if kind == "decimal":
        return _decimal(value, *declared_digits(hint))
    return converters[kind](value) if kind in converters else value


def as_text(value: Any) -> str:
    """Returns the text of a value: numbers with all the digits that a workbook keeps, times in ISO 8601."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return f"{_exact(value):f}"
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)


def _by_itself(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return _duration(value) if isinstance(value, dt.timedelta) else value


def _exact(value: float) -> Decimal:
    """Returns a number without the rounding errors of a computation."""
    if isinstance(value, int) or value.is_integer():
        return Decimal(int(value))
    return Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _duration(value: dt.timedelta) -> str:
    """Returns hours, minutes and seconds; the hours of several days are added up, as the format [h]:mm does."""
    sign, value = ("-", -value) if value < dt.timedelta() else ("", value)
    minutes, seconds = divmod(value // dt.timedelta(seconds=1), 60)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


def _number(value: Any) -> float:
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Misfit


def _bigint(value: Any) -> int:
    number = _exact(_number(value))
    if number != int(number) or int(number) not in _INT64:
        raise Misfit
    return int(number)


def _double(value: Any) -> float:
    return float(_number(value))


def _decimal(value: Any, precision: int, scale: int) -> Decimal:
    number = _exact(_number(value))
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > scale or abs(number) >= 10 ** (precision - scale):
        raise Misfit
    return number


def _bool(value: Any) -> bool:
    if not isinstance(value, bool | int | float) or value not in {0, 1}:
        raise Misfit
    return bool(value)


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    raise Misfit


def _timestamp(value: Any) -> dt.datetime:
    if not isinstance(value, dt.date):
        raise Misfit
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())


def _time(value: Any) -> dt.time:
    if isinstance(value, dt.timedelta) and dt.timedelta() <= value < _DAY:
        return (_EPOCH + value).time()
    if not isinstance(value, dt.time):
        raise Misfit
    return value
