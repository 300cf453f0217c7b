"""Converts a row of the sheet to a resource of `sources.yaml`; maps each part of a resource back to its column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from data_foundation.workbook.columns import DIALECTS, WorkbookRow

_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")
_WILDCARDS = re.compile(
    r"\[[^\]]*\]|[*?]|(\.(csv|tsv|txt|jsonl?|ndjson|parquet|xls[xmb]?|ods|pdf))?(\.(gz|bz2|xz|zst|zip))?$",
    re.IGNORECASE,
)

COLUMN_OF: Mapping[str, str] = {
    "entry": "source_type",
    "destination": "table_name",
    "write_disposition": "load_type",
    "primary_key": "primary_key",
    "incremental": "watermark_column",
    "incremental.initial_value": "last_watermark",
    "lake": "target_container",
    "lake.folder": "target_folder_path",
    "enabled": "enabled",
    "kwargs": "source_name",
    "kwargs.schema": "schema_name",
    "kwargs.table": "table_name",
    "kwargs.path": "table_name",
    "kwargs.query_filter": "query_filter",
    "kwargs.endpoint": "api_endpoint",
    "kwargs.method": "api_method",
    "kwargs.pagination": "pagination_type",
    "kwargs.chunk_size": "chunk_size",
    "kwargs.page_size": "chunk_size",
    "kwargs.parallelism": "parallelism",
}
"""The column of each part of a resource. A part that is not listed has the column of its parent, or else job_id."""


def to_resource(row: WorkbookRow) -> dict[str, Any]:
    """Returns the resource of a row, as in `sources.yaml`; values that equal the default are left out."""
    entry, kwargs = _entry(row)
    resource: dict[str, Any] = {
        "entry": f"data_foundation.readers.{entry}",
        "kwargs": {name: value for name, value in kwargs.items() if value is not None},
        "destination": f"raw.{row.source_name}_{_OTHERS.sub('_', table_of(row))}",
        "tags": {"job_id": row.job_id},
    }
    if row.load_type == "FULL":
        resource["write_disposition"] = "replace"
    else:
        resource["incremental"] = {"cursor_path": row.watermark_column, "initial_value": _first_value(row)}
        if row.primary_key:
            resource |= {"write_disposition": "merge", "primary_key": list(row.primary_key)}
        elif row.source_type in DIALECTS:
            resource["kwargs"]["merge_on_key"] = True
    if row.target_container:
        resource["lake"] = {"container": row.target_container, "folder": row.target_folder_path}
    if row.enabled == "N":
        resource["enabled"] = False
    return resource


def _entry(row: WorkbookRow) -> tuple[str, dict[str, Any]]:
    """Returns the entry of a row, below `data_foundation.readers`, and its `kwargs`; None stands for the default."""
    connection = {"connection": row.source_name}
    if row.source_type == "API":
        return "rest.get_endpoint", connection | {
            "endpoint": row.api_endpoint, "method": row.api_method, "pagination": row.pagination_type,
            "page_size": row.chunk_size if row.pagination_type not in {None, "none"} else None,
        }  # fmt: skip
    if row.source_type == "FILE":
        return "files.get_rows", connection | {"path": row.table_name}
    return "sql.get_table", connection | {
        "dialect": DIALECTS[row.source_type], "schema": row.schema_name, "table": row.table_name,
        "query_filter": row.query_filter, "chunk_size": row.chunk_size, "parallelism": row.parallelism,
    }  # fmt: skip


def _first_value(row: WorkbookRow) -> Any:
    """Returns the cursor's initial value; dates become text for an API, whose JSON has no dates."""
    value = row.last_watermark
    return value.isoformat() if row.source_type == "API" and isinstance(value, date) else value


def column_of(path: Sequence[str | int]) -> str:
    """Returns the column of a part of a resource, for instance watermark_column for `incremental`."""
    parts = [".".join(map(str, path[:size])) for size in range(len(path), 0, -1)]
    return next((COLUMN_OF[part] for part in parts if part in COLUMN_OF), "job_id")


def table_of(row: WorkbookRow) -> str:
    """Returns the name of the destination table.

    For files it is the last part of the path that is not only wildcards and an extension: orders for
    `inbox/orders_*.csv`, inbox for `inbox/*.csv`.
    """
    if row.source_type != "FILE":
        return row.table_name
    parts = reversed(row.table_name.split("/"))
    return next((name for part in parts if (name := _WILDCARDS.sub("", part).strip("_-. "))), "files")
