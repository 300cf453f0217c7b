"""Finds values of a JSON object that are not of the type that `columns` declares for their key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from dlt.common.data_types import coerce_value, py_type_to_sc_type

from data_foundation.naming import normalize
from data_foundation.readers.decimal_hint import DEFAULT_PRECISION, DEFAULT_SCALE
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.text_columns import describe_accepted
from data_foundation.rows.exact.column_rules import Conversion
from data_foundation.rows.exact.value_rules import INT64
from data_foundation.rows.json_documents import has_wide_number

_DIGITS = (DEFAULT_PRECISION, DEFAULT_SCALE)
_SHOWN = 60
"""Characters of a value that a message shows."""


class DeclaredKeys:
    """The keys of objects that become columns of a declared type."""

    def __init__(self, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes the hints of `columns` in `sources.yaml`, by column."""
        self._hints = {
            normalize(name): {"name": name, **hint}
            for name, hint in wanted.items()
            if hint.get("data_type") not in {None, "json"}
        }
        self._has_decimals = any(hint["data_type"] in {"decimal", "wei"} for hint in self._hints.values())

    def fault(self, row: Mapping[str, Any], text: bytes) -> str:
        """Returns which value is not of its declared type, or has none and is too large; "" if all can be loaded.

        Args:
            row: The object.
            text: Its text, from which decimals are read with all their digits.
        """
        is_wide = has_wide_number(text)
        if not self._hints and not is_wide:
            return ""
        if self._has_decimals or is_wide:
            row = json.loads(text, parse_float=Decimal)
        for key, column, value in _values(row, "", ""):
            if (hint := self._hints.get(column)) and not _fits(value, hint):
                return f"key {key}: got {_shorten(value)}; accepted: {describe_accepted(column, hint, Notation())}"
            if not hint and type(value) is int and value not in INT64:
                return (
                    f"key {key}: got {_shorten(value)}, beyond 64 bits; declare its column: `columns: "
                    f"{{{column}: {{data_type: decimal, precision: 38, scale: 0}}}}`, or {{data_type: text}}"
                )
        return ""


def _shorten(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _values(row: Mapping[str, Any], path: str, above: str) -> Iterator[tuple[str, str, Any]]:
    """Yields every value of an object and of the objects in it: its path, its column, and the value."""
    for key, value in row.items():
        column = f"{above}{normalize(key) if key.strip() else ''}"
        yield f"{path}{key}", column, value
        if isinstance(value, dict):
            yield from _values(value, f"{path}{key}.", f"{column}__")


def _fits(value: Any, hint: Mapping[str, Any]) -> bool:
    """Returns whether dlt converts a value to the type of a column without changing it."""
    if value is None:
        return hint.get("nullable") is not False
    if isinstance(value, dict | list):
        return False
    value = float(value) if isinstance(value, Decimal) and hint["data_type"] not in {"decimal", "wei"} else value
    try:
        landed = coerce_value(hint["data_type"], py_type_to_sc_type(type(value)), value)
        Conversion(value, landed, hint, is_declared=True).refuse_change(_DIGITS)  # type: ignore[arg-type] # a hint has the keys of a column
    except (ValueError, TypeError, OverflowError, OSError, ArithmeticError):
        return False
    return True
