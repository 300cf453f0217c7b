"""Compares cursor values by what lands in the table: moments as instants, numbers as numbers, texts as texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dlt.common.schema.detections import is_iso_timestamp
from dlt.common.time import parse_iso_like_datetime

from data_foundation.errors import ValueRefused
from data_foundation.loading.cursor.text_order import find_conflict, find_reason, shape_of

_NUMBERS = ("bigint", "double", "decimal", "wei")
_ACCEPTED = {"timestamp": "a time in ISO 8601, for instance 2024-01-31T00:00:00Z", "date": "a date, 2024-01-31"}
_TEXT_HELP = (
    "accepted is a column whose order is that of its values: give `columns: {{{column}: {{data_type: ...}}}}` the type "
    "that the values have, bigint for whole numbers, timestamp or date for ISO 8601, and load all again once with "
    "`--refresh drop`; or choose another cursor"
)


class LandedOrder:
    """Order of the values of one cursor.

    Attributes:
        column: Name of the cursor in messages.
        data_type: dlt's type of the column; None until the first value decides it.
        is_descending: True if the cursor runs to lower values, as `last_value_func=min` in code.
    """

    def __init__(self, column: str, data_type: str | None, *, is_descending: bool = False) -> None:
        self.column = column
        self.data_type = data_type
        self.is_descending = is_descending
        self._convert = _find_conversion(data_type) if data_type else None
        self._shape: str | None = None

    def fix(self, data_type: str) -> Callable[[Any], Any]:
        """Sets the type of the column, and returns the function that reads its values."""
        self.data_type = data_type
        self._convert = _find_conversion(data_type)
        return self._convert

    def key(self, value: Any) -> Any:
        """Returns what a value is compared by.

        Raises:
            ValueRefused: The value has no order among those of the column.
        """
        convert = self._convert or self.fix(_infer_type(value))
        try:
            key = convert(value)
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            accepted = _ACCEPTED.get(str(self.data_type), "a number")
            message = f"cursor {self.column}: got {value!r}, and the column is {self.data_type}; accepted is {accepted}"
            raise ValueRefused(message) from None
        if type(key) is str and (shape := shape_of(key)) != self._shape:
            if reason := find_reason(key):
                raise self._refuse(f"got {value!r}", reason)
            self._shape = shape
        return key

    def is_later(self, key: Any, other: Any) -> bool:
        """Returns True if a cursor at `other` moves on to `key`.

        Raises:
            ValueRefused: The two cannot be ordered.
        """
        if type(key) is str and (reason := find_conflict(key, other)):
            raise self._refuse(f"got {key!r} and {other!r}", reason)
        try:
            return bool(key < other if self.is_descending else key > other)
        except TypeError:
            message = f"cursor {self.column}: got {key!r} and {other!r}, which have no order; accepted is one type"
            raise ValueRefused(message) from None

    def _refuse(self, received: str, reason: str) -> ValueRefused:
        what_to_do = _TEXT_HELP.format(column=self.column)
        return ValueRefused(f"cursor {self.column}: {received} as text; {reason}, so rows would be lost; {what_to_do}")


def _infer_type(value: Any) -> str:
    """Returns the type of the column that dlt creates for a first value."""
    if isinstance(value, str):
        return is_iso_timestamp(str, value) or "text"
    for kinds, data_type in ((bool, "bool"), (int | float | Decimal, "decimal"), (datetime, "timestamp")):
        if isinstance(value, kinds):
            return data_type
    return "date" if isinstance(value, date) else "other"


def _find_conversion(data_type: str) -> Callable[[Any], Any]:
    if data_type in _NUMBERS:
        return _read_number
    known = {"timestamp": read_instant, "date": _read_day, "text": _read_text}
    return known.get(data_type, lambda value: value)


def read_instant(value: Any) -> datetime:
    """Returns a moment in UTC; one without a zone is taken as UTC, as it lands.

    Raises:
        ValueError: It is no moment.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = parse_iso_like_datetime(value)
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            return value
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError(value)


def _read_day(value: Any) -> date:
    return value if type(value) is date else read_instant(value).date()


def _read_number(value: Any) -> Any:
    if type(value) is int:
        return value
    number = (int(value) if value.lstrip("+-").isdigit() else Decimal(value)) if isinstance(value, str) else value
    if not isinstance(number, int | float | Decimal) or isinstance(number, bool) or not math.isfinite(number):
        raise ValueError(value)
    return number


def _read_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
