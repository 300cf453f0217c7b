"""Decides whether a column stores a value unchanged: by a quick check for most values, closely for the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any
from uuid import UUID

from dlt.common.schema.typing import TColumnSchema
from pendulum import DateTime

from data_foundation.rows.exact.value_rules import TOO_LARGE, Unacceptable, describe, is_text, why_not_written

Check = Callable[[Any], Any]
"""Returns something true if a value is certainly stored unchanged."""

_DOUBLE_INTEGERS = range(-(2**53), 2**53 + 1)
_MICROSECONDS = 6
# The spelling of a number; '007' and '+1' are texts.
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
# Times and dates that keep every digit; others are checked closely.
_TIME = re.compile(r"[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FRACTION = re.compile(r"[.,](\d+)")


def quick_check(kind: type, column: TColumnSchema, decimals: tuple[int, int]) -> Check | None:
    """Returns a quick check for values of a type in a column, or None if each must be checked closely.

    Args:
        kind: The type of the values.
        column: The column that stores them.
        decimals: Precision and scale of decimals if the column declares none.
    """
    data_type = column.get("data_type")
    if kind is int and data_type in {"bigint", "double"}:
        return (bounds(column) if data_type == "bigint" else _DOUBLE_INTEGERS).__contains__
    if data_type in {"timestamp", "time"} and _digits(column) < _MICROSECONDS:
        return None
    if kind is Decimal and data_type == "decimal":
        return _fits_decimal(column, decimals)
    return _QUICK.get((kind, data_type))


def anything(_value: Any) -> bool:
    """Accepts every value."""
    return True


def bounds(column: TColumnSchema) -> range:
    """Returns the integers that an integer column can hold; testing anything but a plain int is very slow."""
    bits = min(column.get("precision") or 64, 64)
    return range(-(2 ** (bits - 1)), 2 ** (bits - 1))


def _inner_year(value: datetime) -> bool:
    # In the first and the last year, the time in UTC may be outside the calendar.
    return 1 < value.year < 9999  # noqa: PLR2004


def _fits_decimal(column: TColumnSchema, decimals: tuple[int, int]) -> Check:
    precision, scale = column.get("precision"), column.get("scale")
    if precision is None:
        precision, scale = decimals[0], decimals[1] if scale is None else scale
    context = Context(prec=precision, traps=[InvalidOperation, Inexact])
    unit = Decimal(1).scaleb(-(scale or 0))

    def fits(value: Decimal) -> bool:
        try:
            return value.quantize(unit, context=context).is_finite()
        except (InvalidOperation, Inexact):
            return False

    return fits


_QUICK: dict[tuple[type, str | None], Check] = {
    (float, "double"): math.isfinite,
    (str, "text"): is_text,
    (UUID, "text"): anything,
    (datetime, "timestamp"): _inner_year,
    (DateTime, "timestamp"): _inner_year,
    (str, "timestamp"): _TIME.fullmatch,
    (str, "date"): _DATE.fullmatch,
    (time, "time"): lambda value: value.tzinfo is None,
    (bool, "bool"): anything,
    (bytes, "binary"): bool,
    (date, "date"): anything,
}


@dataclass(frozen=True)
class Conversion:
    """A value, and what dlt converts it to for a column.

    Attributes:
        value: The yielded value.
        landed: The value as dlt sends it to the warehouse.
        column: The column that stores it.
        is_declared: Whether the configuration declares the column's type, and thereby wants the conversion.
    """

    value: Any
    landed: Any
    column: TColumnSchema
    is_declared: bool

    def refuse_change(self, decimals: tuple[int, int]) -> None:
        """Checks that the conversion keeps the value.

        Args:
            decimals: Precision and scale of decimals if the column declares none.

        Raises:
            Unacceptable: It does not; the message names what would happen, and what to do.
        """
        value, data_type = self.value, self.column["data_type"]
        if isinstance(value, Decimal) and not value.is_finite():
            raise Unacceptable(why_not_written(value))
        if isinstance(value, int) and data_type == "bigint" and int(value) not in bounds(self.column):
            raise Unacceptable(TOO_LARGE)
        if data_type in {"decimal", "wei"} and not _fits_decimal(self.column, decimals)(self.landed):
            raise Unacceptable(
                f"got {describe(value)} with more digits than the column has; say what it needs: "
                "`columns: {<column>: {data_type: decimal, precision: ..., scale: ...}}`, or yield text"
            )
        try:
            taken = getattr(self, f"_is_{data_type}")()
        except (ValueError, OverflowError, InvalidOperation):
            taken = False
        if not taken:
            raise Unacceptable(
                f"got {describe(value)} for a column of type {data_type}, which would change it; convert it, yield "
                "None, or name the type that fits all values: `columns: {<column>: {data_type: text}}` "
                "(and `refresh: drop` if the table is there)"
            )

    def _is_text(self) -> bool:
        return not isinstance(self.value, bytes)

    def _is_bigint(self) -> bool:
        if isinstance(self.value, str):
            return bool(NUMBER.fullmatch(self.value)) and Decimal(str(self.landed)) == Decimal(self.value)
        if not isinstance(self.value, int | float | Decimal):
            return False
        number = int(self.value) if isinstance(self.value, int) else self.value
        return Decimal(str(self.landed)) == Decimal(str(number))

    _is_double = _is_decimal = _is_wei = _is_bigint

    def _is_bool(self) -> bool:
        if isinstance(self.value, str):
            return self.value.lower() == str(self.landed).lower()
        return bool(self.landed == self.value)

    def _is_timestamp(self) -> bool:
        value, digits = self.value, _digits(self.column)
        if isinstance(value, str):
            fraction = _FRACTION.search(value)
            return not _is_number(value) and not (fraction and fraction[1][digits:].strip("0"))
        if isinstance(value, datetime):
            return _in_utc(value) == _in_utc(self.landed) and _is_whole(value.microsecond, digits)
        if isinstance(value, date):
            return True
        return self.is_declared and _in_utc(self.landed).timestamp() == value

    def _is_date(self) -> bool:
        # A day may be given as its midnight; any other time of day would be lost.
        value = datetime.fromisoformat(self.value) if isinstance(self.value, str) else self.value
        if isinstance(value, datetime):
            return _in_utc(value) == datetime.combine(self.landed, time(), UTC)
        return isinstance(value, date) or self.is_declared

    def _is_time(self) -> bool:
        read = time.fromisoformat(self.value) if isinstance(self.value, str) else self.value
        if not isinstance(read, time) or read.tzinfo:
            return False
        return read == self.landed and _is_whole(read.microsecond, _digits(self.column))

    def _is_binary(self) -> bool:
        return isinstance(self.value, bytes) or (self.is_declared and isinstance(self.value, str))

    def _is_json(self) -> bool:
        return True


def _is_number(text: str) -> bool:
    """Returns whether dlt would read a text as the seconds since 1970, or as a year or a day without separators."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _digits(column: TColumnSchema) -> int:
    """Returns how many decimal digits of a second the column stores."""
    precision = column.get("precision")
    return 6 if precision is None else next((digits for digits in (0, 3, 6) if precision <= digits), 9)


def _is_whole(microsecond: int, digits: int) -> bool:
    return not microsecond % 10 ** (_MICROSECONDS - min(digits, _MICROSECONDS))
