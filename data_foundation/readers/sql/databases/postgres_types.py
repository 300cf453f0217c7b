"""Maps PostgreSQL's types: the SQL that selects a column, its Arrow type, and its dlt hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from data_foundation.readers.sql.database import JSON, NO_ZONE, Column, decimal, wanted_decimal
from data_foundation.sql_text import quote_name

# The driver transfers these in binary form, without loss.
_NATIVE = {
    "int2": pa.int64(), "int4": pa.int64(), "int8": pa.int64(), "float4": pa.float64(), "float8": pa.float64(),
    "bool": pa.bool_(), "text": pa.string(), "varchar": pa.string(), "bpchar": pa.string(), "bytea": pa.binary(),
    "date": pa.date32(), "time": pa.time64("us"), "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}  # fmt: skip
_CASTS = {"oid": (pa.int64(), "{}::int8"), **dict.fromkeys(("xid", "cid"), (pa.int64(), "{}::text::int8"))}
# The cast to text adds a mask, for instance /32, to an address that has none.
_AS_SHOWN = {"inet": "CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END"}
_MODIFIER_HEADER = 4


def make_column(described: Mapping[str, Any], wanted: Mapping[str, Any]) -> Column:
    """Returns the column with its SQL and its types.

    Args:
        described: A row of the catalogue: name, declared, base (its type, domains resolved), modifier, category.
        wanted: The column's hints in `sources.yaml`.
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
    """Returns the Arrow type, the SQL of the values (None for the column itself) and the dlt hint."""
    as_text = wanted.get("data_type") == "text"
    if base in {"numeric", "money"} and not as_text:
        # As text: the server formats it faster than the driver decodes the binary form, and Arrow parses it exactly.
        kind = wanted_decimal(wanted) or _decimal(described["modifier"] if base == "numeric" else -1)
        return kind, "{}::numeric::text" if base == "money" else "{}::text", {}
    if base in _NATIVE and not (as_text and _NATIVE[base] != pa.string()):
        return _NATIVE[base], None, NO_ZONE if base == "timestamp" else {}
    if base in _CASTS and not as_text:
        return (*_CASTS[base], {})
    if described["category"] in {"A", "C"} and not as_text:  # an array, a composite type
        return pa.string(), "to_json({})::text", JSON
    # The database's own text form of any other type is exact.
    shown = _AS_SHOWN.get(base, "{0}::text")
    return pa.string(), shown, JSON if base in {"json", "jsonb"} and not as_text else {}


def _decimal(modifier: int) -> Any:
    """Returns the Arrow type of numeric(p, s), by the column's type modifier; -1 is numeric without digits."""
    if modifier < _MODIFIER_HEADER:
        return wanted_decimal({"data_type": "decimal"})
    bits = modifier - _MODIFIER_HEADER
    precision, scale = bits >> 16 & 0xFFFF, bits & 0x7FF
    scale -= 0x800 if scale & 0x400 else 0
    # numeric(5, -2) has 7 digits before the point, numeric(2, 5) five after it.
    return decimal(max(precision, scale, precision - scale), max(scale, 0))
