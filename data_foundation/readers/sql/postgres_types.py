"""PostgreSQL's types: how a column is selected, and what it is in Arrow and in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from data_foundation.readers.sql.database import JSON, NO_ZONE, Column, decimal, wanted_decimal
from data_foundation.sql_text import quote_name

# The driver gives these in binary form, exactly.
_NATIVE = {
    "int2": pa.int64(), "int4": pa.int64(), "int8": pa.int64(), "float4": pa.float64(), "float8": pa.float64(),
    "bool": pa.bool_(), "text": pa.string(), "varchar": pa.string(), "bpchar": pa.string(), "bytea": pa.binary(),
    "date": pa.date32(), "time": pa.time64("us"), "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}  # fmt: skip
_CASTS = {"oid": (pa.int64(), "{}::int8"), **dict.fromkeys(("xid", "cid"), (pa.int64(), "{}::text::int8"))}
_MODIFIER_HEADER = 4


def make_column(described: Mapping[str, Any], wanted: Mapping[str, Any]) -> Column:
    """Returns a column as it is read.

    Args:
        described: A row of the catalogue: name, declared, base (its type, domains resolved), modifier, category.
        wanted: The hints that a person gave.
    """
    name, base = described["name"], described["base"]
    quoted = quote_name(name)
    kind, cast, hint = _read_as(base, described, wanted)
    return Column(
        name=name,
        declared=described["declared"],
        kind=kind,
        expression=cast and cast.format(quoted),
        hint=hint,
        nullable=described["nullable"],
        is_key=described["is_key"],
    )


def _read_as(
    base: str, described: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[Any, str | None, Mapping[str, Any]]:
    """Returns the Arrow type, the SQL that gives the values (None for the column itself) and the warehouse's hint."""
    as_text = wanted.get("data_type") == "text"
    if base in {"numeric", "money"} and not as_text:
        # As text: the server writes it faster than the driver takes the binary form apart, and Arrow reads it exactly.
        kind = wanted_decimal(wanted) or _decimal(described["modifier"] if base == "numeric" else -1)
        return kind, "{}::numeric::text" if base == "money" else "{}::text", {}
    if base in _NATIVE and not (as_text and _NATIVE[base] != pa.string()):
        return _NATIVE[base], None, NO_ZONE if base == "timestamp" else {}
    if base in _CASTS and not as_text:
        return (*_CASTS[base], {})
    if described["category"] in {"A", "C"} and not as_text:  # an array, a composite type
        return pa.string(), "to_json({})::text", JSON
    # Everything else is exact in the text that the database writes, and reads back.
    return pa.string(), "{}::text", JSON if base in {"json", "jsonb"} and not as_text else {}


def _decimal(modifier: int) -> Any:
    """Returns the decimal that holds numeric(p, s), by the modifier of its column; -1 is numeric alone."""
    if modifier < _MODIFIER_HEADER:
        return wanted_decimal({"data_type": "decimal"})
    bits = modifier - _MODIFIER_HEADER
    precision, scale = bits >> 16 & 0xFFFF, bits & 0x7FF
    scale -= 0x800 if scale & 0x400 else 0
    # numeric(5, -2) has 7 digits before the point, numeric(2, 5) five behind it.
    return decimal(max(precision, scale, precision - scale), max(scale, 0))
