"""Numbers, sizes, times and values as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from numbers import Number
from typing import Any

LONGEST_TEXT = 300
"""Characters of a value that are shown."""

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SIZES = ("B", "KB", "MB", "GB", "TB", "PB")
_KILO = 1000


def count(number: float | None) -> str:
    """Returns a number with separators, "" for None."""
    return "" if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """Returns a number of bytes, for instance 1.2 MB."""
    if number is None:
        return ""
    power = 0
    while number >= _KILO and power < len(_SIZES) - 1:
        number, power = number / _KILO, power + 1
    return f"{number:.0f} {_SIZES[0]}" if power == 0 else f"{number:.1f} {_SIZES[power]}"


def duration(seconds: float | None) -> str:
    """Returns a duration, for instance 0.4 s or 3 min 20 s."""
    if seconds is None:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{seconds:.1f} s"


def short(number: float) -> str:
    """Returns a number for an axis, for instance 1.5M."""
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"


def age(moment: datetime, now: datetime) -> str:
    """Returns how long ago a moment was, in its largest unit, for instance 3 hours ago."""
    seconds = (now - moment).total_seconds()
    for length, unit in _UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' * (number > 1)} ago"
    return "just now"


def utc(moment: datetime) -> str:
    """Returns a moment in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def number_columns(rows: Sequence[Sequence[Any]]) -> frozenset[int]:
    """Returns the positions of the columns that hold numbers only; a column without values is none."""
    shown = [
        (place, isinstance(value, Number) and not isinstance(value, bool))
        for row in rows
        for place, value in enumerate(row)
        if value is not None
    ]
    return frozenset(place for place, _ in shown) - {place for place, is_number in shown if not is_number}


def cell(value: Any) -> str:
    """Returns a value of a table as text, bytes as hexadecimal digits; a long one is cut."""
    if isinstance(value, bool):
        return str(value).lower()
    text = value.hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
