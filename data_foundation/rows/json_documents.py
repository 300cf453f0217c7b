"""Reads the rows of a JSON document: an array, JSON lines, or a single object."""

from __future__ import annotations

import json as standard_json
import re
from typing import Any

from dlt.common.json import json

from data_foundation.errors import ValueRefused

# A number that the fast parser might round; a match inside a string only costs time.
_WIDE_NUMBER = re.compile(rb"(?<![\d.])\d{19}")
_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")


def is_document(item: object) -> bool:
    """Returns whether a yielded item is a JSON document that is not parsed yet."""
    return isinstance(item, bytes | bytearray | memoryview)


def read_document(content: bytes) -> list[Any]:
    """Returns the rows of a document: the items of an array, each line, or a single object.

    Integers keep all their digits.

    Raises:
        ValueRefused: It is neither JSON nor JSON lines.
    """
    text = bytes(content).removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return []
    read = standard_json.loads if _has_wide_number(text) else json.loadb
    try:
        found = read(text)
    except ValueError:
        found = _read_lines(text)
    return found if isinstance(found, list) else [found]


def _has_wide_number(text: bytes) -> bool:
    # For most documents this answers no, in a twentieth of the expression's time.
    return b"0" * 19 in text.translate(_SAME_DIGIT) and bool(_WIDE_NUMBER.search(text))


def _read_lines(text: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(standard_json.loads(line))
            except ValueError as error:
                message = (
                    f"got bytes that are neither a JSON document nor JSON lines (line {number}: {error}); accepted: an "
                    "array of objects, an object, or one object a line"
                )
                raise ValueRefused(message) from None
    return rows
