"""Writes rows that have only JSON values as JSON, for Arrow to read into columns.

Splitting them in Python takes several times as long, and holds the GIL all the time.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Sequence
from enum import Enum
from itertools import chain
from math import isfinite
from typing import Any

import orjson

from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.column_split import TablePart
from data_foundation.rows.columnar.json_reader import JsonReader

# orjson would write these as text or objects.
_NO_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS

_DOUBLES = 2
"""The first version of marshal's format that writes a float as the letter g and its eight bytes."""

# Every NaN and infinity as marshal writes it: all bits of the exponent are set. Other values may look alike.
_LIKE_NAN = re.compile(rb"g.{6}[\xf0-\xff][\x7f\xff]", re.DOTALL)


def write_plain(rows: Sequence[Any]) -> bytes:
    """Returns rows as a JSON array.

    Raises:
        NotColumnar: JSON cannot hold a value.
    """
    try:
        text = orjson.dumps(rows, option=_NO_JSON)
        if _has_only_none(rows, text):
            return text
    except TypeError as error:
        raise NotColumnar("a value that JSON cannot hold") from error
    raise NotColumnar("NaN or an infinity, which JSON cannot hold")


def read_plain(reader: JsonReader, arrays: Sequence[bytes]) -> TablePart:
    """Returns the columns of rows that `write_plain` wrote.

    Raises:
        NotColumnar: A key, a type or a nesting is unknown.
    """
    # As one array, because Arrow takes twice as long for many lines.
    rows = b",".join([array[1:-1] for array in arrays])
    return reader.read([(b'{"":[', rows, b"]}\n")], is_unicode=True)


def rows_of(arrays: Sequence[bytes]) -> list[Any]:
    """Returns the rows that `write_plain` wrote."""
    return list(chain.from_iterable(map(orjson.loads, arrays)))


def _has_only_none(rows: Sequence[Any], text: bytes) -> bool:
    """Returns whether every null of the JSON was a None: orjson also writes NaN and infinities as null.

    Raises:
        TypeError: A row is no dict.
    """
    nulls = text.count(b"null")
    if not nulls or nulls == list(chain.from_iterable(map(dict.values, rows))).count(None):
        return True
    try:
        may_be_lost = _LIKE_NAN.search(marshal.dumps(list(rows), _DOUBLES))
    except ValueError:
        # A UUID or an enumeration, which orjson writes and marshal does not.
        return _is_finite(rows)
    return not may_be_lost or _is_finite(rows)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    if isinstance(value, Enum):
        return _is_finite(value.value)
    return not isinstance(value, float) or isfinite(value)
