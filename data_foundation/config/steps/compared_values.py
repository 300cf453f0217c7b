"""Compares values of rows as SQL does, whether they come from dicts or from Arrow tables."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any

from data_foundation.errors import LoadError

BooleanResult = bool | None
"""True, False, or None for SQL's unknown."""

Number = int | Decimal


def known(value: Any) -> Any:
    """Returns the value of a field; None for what pandas has in its place where it is unknown."""
    return None if type(value).__name__ in {"NaTType", "NAType"} else value


def compare(left: Any, right: Any) -> int | None:
    """Returns -1, 0 or 1 if the left value is less, equal or greater; None if one of them is NULL.

    Numbers are compared by the digits that show them, so that a double 0.1 equals 0.1; NaN is the greatest number and
    equals itself. A time is compared with a text in ISO 8601; one without a zone is taken as UTC.

    Raises:
        LoadError: The values are of kinds that have no order, for instance a number and a text.
    """
    if left is None or right is None:
        return None
    left, right = _plain(left), _plain(right)
    if type(left) is not type(right) or type(left) not in {int, str, bool}:
        left, right = _aligned(left, right)
    return int(left > right) - int(left < right)


def as_boolean(value: Any) -> BooleanResult:
    """Returns a value of a condition.

    Raises:
        LoadError: It is neither true nor false nor NULL.
    """
    value = _plain(value)
    if value is None or isinstance(value, bool):
        return value
    raise _refusal(f"got {_kind(value)} in place of a condition; compare it with a value")


def as_text(value: Any) -> str:
    """Returns a text.

    Raises:
        LoadError: The value is none.
    """
    if isinstance(value, str):
        return value
    raise _refusal(f"got {_kind(value)} in place of a text; CAST(... AS TEXT) makes one of a number")


def as_number(value: Any, *, of_text: bool = False) -> Number:
    """Returns a number; with `of_text` also one that is written as a text.

    Raises:
        LoadError: The value is none.
    """
    value = _plain(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Number) and not isinstance(value, bool):
        return value
    if of_text and isinstance(value, str):
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            raise _refusal("CAST: a text is no number") from None
    raise _refusal(f"got {_kind(value)} in place of a number; CAST(... AS DECIMAL) makes one of a text")


def as_whole_number(value: Any) -> int:
    """Returns a whole number, also one that is written as a text.

    Raises:
        LoadError: The value is none; engines round a fraction in different ways.
    """
    number = as_number(value, of_text=True)
    if isinstance(number, Decimal) and (not number.is_finite() or number != int(number)):
        raise _refusal("CAST: a number has a fraction; CAST(... AS DECIMAL) keeps it")
    return int(number)


def number_as_text(value: Any) -> str:
    """Returns a text as it is, and a number as it is written.

    Raises:
        LoadError: The value is neither.
    """
    if isinstance(value, str):
        return value
    if _kind(_plain(value)) != "a number":
        raise _refusal(f"CAST: got {_kind(value)} in place of a number or a text")
    return str(as_number(value))


def as_day(value: Any) -> dt.datetime:
    """Returns the midnight in UTC of a time's day; the arguments are those of `as_moment`."""
    return as_moment(value).astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def as_moment(value: Any) -> dt.datetime:
    """Returns a time with its zone; a date is its midnight.

    Raises:
        LoadError: The value is neither a time nor a text in ISO 8601.
    """
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise _refusal("a text is no time; accepted is ISO 8601, for instance 2024-01-31T00:00:00Z") from None
    if not isinstance(moment, dt.datetime):
        if not isinstance(moment, dt.date):
            raise _refusal(f"got {_kind(value)} in place of a time")
        moment = dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def read_number(text: str) -> Number:
    """Returns the number that a literal of SQL writes."""
    return int(text) if text.isdigit() else Decimal(text)


def _aligned(left: Any, right: Any) -> tuple[Any, Any]:
    kinds = {_kind(left), _kind(right)}
    if kinds == {"a number"}:
        return _ordered(as_number(left)), _ordered(as_number(right))
    if "a time" in kinds and kinds <= {"a time", "a text"}:
        return as_moment(left), as_moment(right)
    if len(kinds) == 1 and kinds <= {"a text", "a boolean", "a time of day", "bytes"}:
        return left, right
    names = " with ".join((_kind(left), _kind(right)))
    raise _refusal(f"cannot compare {names}; write the value as the rows have it, or use CAST")


def _ordered(number: Number) -> tuple[bool, Number]:
    is_nan = isinstance(number, Decimal) and number.is_nan()
    return is_nan, 0 if is_nan else number


def _kind(value: Any) -> str:
    """Returns a value's kind in words; the value itself may be personal data."""
    kinds: dict[str, Any] = {
        "a boolean": bool, "a number": int | float | Decimal, "a text": str, "a time": dt.date,
        "a time of day": dt.time, "bytes": bytes,
    }  # fmt: skip
    return next((name for name, kind in kinds.items() if isinstance(value, kind)), f"a {type(value).__name__}")


def _plain(value: Any) -> Any:
    """Returns a scalar of numpy as Python has it, and anything else unchanged."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def _refusal(reason: str) -> LoadError:
    return LoadError(f"processing_steps: where: {reason}")
