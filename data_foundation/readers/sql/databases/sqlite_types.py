"""Maps SQLite's declared types to Arrow types; SQLite itself allows any value in any column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from data_foundation.errors import LoadError
from data_foundation.readers.sql.database import JSON, Column, decimal, wanted_decimal
from data_foundation.sql_text import quote_name

_DIGITS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)")
# The first line with a word that occurs in the declaration counts, as in SQLite's own type affinity rules.
_TYPE_BY_WORD: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("BOOL",), pa.bool_()),
    (("DATETIME", "TIMESTAMP"), pa.timestamp("us", "UTC")),
    (("DATE",), pa.date32()),
    (("TIME",), pa.time64("us")),
    (("INT",), pa.int64()),
    (("JSON", "CHAR", "CLOB", "TEXT", "UUID", "STRING"), pa.string()),
    (("BLOB", "BINARY", "BYTEA"), pa.binary()),
    (("REAL", "FLOA", "DOUB"), pa.float64()),
    (("DEC", "NUM", "MONEY"), None),
)
_OF_EXPRESSION = "NUM"
"""What newer versions of SQLite call the type of an expression in a view, whatever its values are."""
_STORED = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "blob": pa.binary()}


def make_column(described: Mapping[str, Any], wanted: Mapping[str, Any], stored: Callable[[str], set[str]]) -> Column:
    """Returns the column with its SQL and its types.

    Args:
        described: The row of `PRAGMA table_xinfo`: name, type, notnull, pk.
        wanted: The column's hints in `sources.yaml`.
        stored: Returns the storage classes of the values in a column; it reads the whole column.

    Raises:
        LoadError: The column has no declared type, and its values have several storage classes.
    """
    name, declared = described["name"], described["type"].upper()
    if declared == _OF_EXPRESSION:
        declared = ""
    quoted = quote_name(name)
    facts: dict[str, Any] = {
        "name": name, "declared": declared or "no type", "nullable": not described["notnull"],
        "is_key": bool(described["pk"]),
    }  # fmt: skip
    if wanted.get("data_type") == "text":
        return Column(kind=pa.string(), expression=f"CAST({quoted} AS TEXT)", **facts)
    if kind := wanted_decimal(wanted):
        return Column(kind=kind, **facts)
    for words, kind in _TYPE_BY_WORD:
        if any(word in declared for word in words):
            hint = JSON if "JSON" in declared else {}
            if wanted.get("timezone") is False and pa.types.is_timestamp(kind):
                kind = pa.timestamp("us")  # noqa: PLW2901 - the same type without its zone
            return Column(kind=_declared_decimal(declared) if kind is None else kind, hint=hint, **facts)
    return Column(kind=_kind_of(name, stored(name)), **facts)


def _declared_decimal(declared: str) -> Any:
    digits = _DIGITS.search(declared)
    return decimal(int(digits[1]), int(digits[2] or 0)) if digits else wanted_decimal({"data_type": "decimal"})


def _kind_of(name: str, classes: set[str]) -> Any:
    """Returns the Arrow type of a column without a declared type, by the storage classes of its values."""
    classes -= {"null"}
    if classes == {"integer", "real"}:
        return pa.float64()
    if len(classes) > 1:
        raise LoadError(
            f"column {name} has no declared type and contains {' and '.join(sorted(classes))}; "
            f"`columns: {{{name}: {{data_type: text}}}}` reads it as text"
        )
    return _STORED[classes.pop()] if classes else pa.string()
