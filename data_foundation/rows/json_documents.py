"""Reads the rows of a JSON document: an array, JSON lines, or a single object."""

from __future__ import annotations

import json as standard_json
import re
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from dlt.common.json import json

from data_foundation.errors import ValueRefused
from data_foundation.naming import normalize

# A number that the fast parser might round; a match inside a string only costs time.
_WIDE_NUMBER = re.compile(rb"(?<![\d.])\d{19}")
_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")


def is_document(item: object) -> bool:
    """Returns whether a yielded item is a JSON document that is not parsed yet."""
    return isinstance(item, bytes | bytearray | memoryview)


def read_document(content: bytes, decimals: Collection[str] = ()) -> list[Any]:
    """Returns the rows of a document: the items of an array, each line, or a single object.

    Integers keep all their digits.

    Args:
        content: The document.
        decimals: Columns, as the warehouse spells them, whose numbers become decimals with all their digits; other
            numbers with a fraction become floats.

    Raises:
        ValueRefused: It is neither JSON nor JSON lines.
    """
    text = bytes(content).removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return []
    exact: Callable[[bytes], Any] = partial(standard_json.loads, parse_float=Decimal if decimals else None)
    read = exact if decimals or has_wide_number(text) else json.loadb
    try:
        found = read(text)
    except ValueError:
        found = _read_lines(text, exact)
    rows = found if isinstance(found, list) else [found]
    return keep_decimals(rows, decimals) if decimals else rows


def keep_decimals(rows: Sequence[Any], decimals: Collection[str]) -> list[Any]:
    """Returns rows that were read with `parse_float=Decimal`, with floats in all columns but these."""
    return [_with_floats(row, "" if isinstance(row, dict) else "value", decimals) for row in rows]


def _with_floats(value: Any, column: str | None, decimals: Collection[str]) -> Any:
    """Returns a value with floats in place of the decimals that are in none of the columns.

    Args:
        value: A row, or a value in it.
        column: The column that holds it; None inside a list.
        decimals: The columns.
    """
    if isinstance(value, dict):
        above = f"{column}__" if column else ""
        names = {key: None if column is None else f"{above}{normalize(key)}" for key in value}
        return {key: _with_floats(inner, names[key], decimals) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_floats(inner, None, decimals) for inner in value]
    return float(value) if isinstance(value, Decimal) and column not in decimals else value


def has_wide_number(text: bytes) -> bool:
    """Returns whether a JSON text may have a number of 19 digits or more."""
    # For most documents this answers no, in a twentieth of the expression's time.
    return b"0" * 19 in text.translate(_SAME_DIGIT) and bool(_WIDE_NUMBER.search(text))


def _read_lines(text: bytes, read: Callable[[bytes], Any]) -> list[Any]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(read(line))
            except ValueError as error:
                message = (
                    f"got bytes that are neither a JSON document nor JSON lines (line {number}: {error}); accepted: an "
                    "array of objects, an object, or one object a line"
                )
                raise ValueRefused(message) from None
    return rows
