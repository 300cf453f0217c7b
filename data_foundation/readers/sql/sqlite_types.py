"""SQLite's types: what a column was declared as says how its values are read, for any value may stand in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from data_foundation.errors import LoadError
from data_foundation.readers.sql.database import JSON, Column, decimal, wanted_decimal
from data_foundation.sql_text import quote_name

_DIGITS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)")
# In this order: the first word that a declaration has in it decides, as SQLite's own rules do.
_WORDS: tuple[tuple[tuple[str, ...], Any], ...] = (
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
_STORED = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "blob": pa.binary()}


def make_column(described: Mapping[str, Any], wanted: Mapping[str, Any], stored: Callable[[str], set[str]]) -> Column:
    """Returns a column as it is read.

    Args:
        described: Of `PRAGMA table_info`: name, type, notnull, pk.
        wanted: The hints that a person gave.
        stored: Returns which classes of values a column holds; it reads the whole column.

    Raises:
        LoadError: Nothing says what a column is, and its values disagree.
    """
    name, declared = described["name"], described["type"].upper()
    quoted = quote_name(name)
    facts: dict[str, Any] = {
        "name": name, "declared": declared or "no type", "nullable": not described["notnull"],
        "is_key": bool(described["pk"]),
    }  # fmt: skip
    if wanted.get("data_type") == "text":
        return Column(kind=pa.string(), expression=f"CAST({quoted} AS TEXT)", **facts)
    if kind := wanted_decimal(wanted):
        return Column(kind=kind, **facts)
    for words, kind in _WORDS:
        if any(word in declared for word in words):
            hint = JSON if "JSON" in declared else {}
            if wanted.get("timezone") is False and pa.types.is_timestamp(kind):
                kind = pa.timestamp("us")  # noqa: PLW2901 - the same without its zone
            return Column(kind=_declared_decimal(declared) if kind is None else kind, hint=hint, **facts)
    return Column(kind=_kind_of(name, stored(name)), **facts)


def _declared_decimal(declared: str) -> Any:
    found = _DIGITS.search(declared)
    return decimal(int(found[1]), int(found[2] or 0)) if found else wanted_decimal({"data_type": "decimal"})


def _kind_of(name: str, classes: set[str]) -> Any:
    """Returns the Arrow type of a column that was declared as nothing, by what it holds."""
    classes -= {"null"}
    if classes == {"integer", "real"}:
        return pa.float64()
    if len(classes) > 1:
        raise LoadError(
            f"column {name} was declared without a type and holds {' and '.join(sorted(classes))}; "
            f"`columns: {{{name}: {{data_type: text}}}}` takes it as text"
        )
    return _STORED[classes.pop()] if classes else pa.string()
