"""Finds pairs of texts that a text column orders otherwise than a person: '9' and '10', or moments of two offsets."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_ISO = re.compile(r"\d{4}-?\d{2}")
_DAY_FIRST = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{2,4}(\D.*)?")
_MONTH = re.compile(r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.IGNORECASE)
_YEAR = re.compile(r"\b\d{4}\b")
_DIGITS = re.compile(r"(\d+)")
_ONE_DIGIT = str.maketrans("123456789", "000000000")
_DATE_LENGTH = len("2024-01-31")


def find_reason(text: str) -> str:
    """Returns why texts like this one have no useful order, "" if they may have one."""
    if _DAY_FIRST.fullmatch(text) or (_MONTH.search(text) and _YEAR.search(text)):
        return "a date whose text does not begin with the year is not ordered by time"
    return ""


def find_conflict(first: str, second: str) -> str:
    """Returns why the order of two texts is not that of what they mean, "" if it is."""
    if first == second or _have_one_shape(first, second):
        return ""
    is_before = first < second
    if _NUMBER.fullmatch(first) and _NUMBER.fullmatch(second):
        return "numbers are not ordered by their text" if is_before != (Decimal(first) < Decimal(second)) else ""
    if (moment := _read_moment(first)) and (other := _read_moment(second)):
        same = moment == other and not (second.startswith(first) or first.startswith(second))
        opposed = moment != other and is_before != (moment < other)
        return "moments in two spellings are not ordered by their text" if same or opposed else ""
    if len(first) != len(second) or _skeleton(first) == _skeleton(second):
        natural, other_natural = _natural(first), _natural(second)
        opposed = natural != other_natural and is_before != (natural < other_natural)
        return "numbers inside a text are not ordered by it" if opposed else ""
    return ""


def shape_of(text: str) -> str:
    """Returns a text with every digit as 0; `find_reason` is the same for all texts of one shape."""
    return text.translate(_ONE_DIGIT)


def _have_one_shape(first: str, second: str) -> bool:
    """Returns True if both have their digits in the same places, and no sign or offset: their order is that of text."""
    if shape_of(first) != shape_of(second):
        return False
    return first[0] not in "+-" and not any(sign in first[_DATE_LENGTH:] for sign in "+-") and "e" not in first.lower()


def _read_moment(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _skeleton(text: str) -> str:
    return _DIGITS.sub("0", text)


def _natural(text: str) -> list[tuple[str, int]]:
    parts = _DIGITS.split(text)
    return [(words, int(digits or 0)) for words, digits in zip(parts[::2], [*parts[1::2], ""], strict=True)]
