"""The id of a row whose versions are kept (scd2): a hash of what lands, so that another spelling makes no version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from dlt.common.json import json
from dlt.common.normalizers.json.helpers import get_row_hash
from dlt.common.time import ensure_date, ensure_datetime_in_tz

from data_foundation.rows.exact.schema_preview import SchemaPreview
from data_foundation.rows.exact.value_rules import plain


def _as_number(value: Any) -> str:
    return str(Decimal(str(value)).normalize())


_AS_LANDED: Mapping[str, Callable[[Any], Any]] = {
    "timestamp": lambda value: ensure_datetime_in_tz(value).isoformat(),
    "date": lambda value: ensure_date(value).isoformat(),
    "bigint": _as_number,
    "double": _as_number,
    "decimal": _as_number,
    "wei": _as_number,
}
"""One spelling for all values that land as the same, by the column's type; other types have one already."""


def landed_hashes(rows: Sequence[Mapping[Any, Any]], preview: SchemaPreview) -> list[str]:
    """Returns for each row a hash of its columns and of its lists, without what is None.

    Args:
        rows: The rows, whose columns the preview knows.
        preview: The schema of the table.
    """
    landed = [_landed(row, preview, "") for row in rows]
    # As dlt does, which computes its hashes from rows that it reads back from its files.
    return [get_row_hash(row) for row in json.loadb(json.typed_dumpb(landed))]


def with_landed_hashes(rows: list[Any], preview: SchemaPreview) -> list[Any]:
    """Returns the rows with their ids, which dlt's normaliser leaves as they are, if the table has such ids."""
    if preview.row_id_type != "row_hash" or not preview.hashes_landed:
        return rows
    dicts = [plain(row) for row in rows]
    ids = landed_hashes(dicts, preview)
    # dlt fills in the load id, whose column stands before that of the id.
    return [
        {**row, preview.load_id_name: None, preview.id_name: row.get(preview.id_name) or made}
        for row, made in zip(dicts, ids, strict=True)
    ]


def _landed(row: Mapping[Any, Any], preview: SchemaPreview, prefix: str) -> dict[str, Any]:
    kept = {str(key): value for key, value in row.items() if value is not None}
    return {key: _value(value, preview, f"{prefix}{key}") for key, value in kept.items()}


def _value(value: Any, preview: SchemaPreview, name: str) -> Any:
    value = plain(value)
    if isinstance(value, Mapping):
        return _landed(value, preview, f"{name}__")
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    column = preview.column(preview.table, preview.schema.naming.normalize_path(name)) or {}
    try:
        return _AS_LANDED.get(str(column.get("data_type")), lambda same: same)(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        return value  # it lands in a column of its own type


def _without_none(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {str(key): _without_none(value) for key, value in item.items() if value is not None}
    return [_without_none(inner) for inner in item] if isinstance(item, list | tuple) else item
