"""Defines the columns of the sheet: the accepted values of each cell, and the columns that a kind of source needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field

from data_foundation.config.fields import Model, known_templates
from data_foundation.config.scalars import LakeContainer, LakeFolder, checked

SourceType = Literal["PostgreSQL", "Oracle", "MSSQL", "MySQL", "SQLite", "API", "FILE"]
DIALECTS: Mapping[str, str] = {
    "PostgreSQL": "postgresql", "Oracle": "oracle", "MSSQL": "mssql", "MySQL": "mysql", "SQLite": "sqlite",
}  # fmt: skip
"""The values of source_type that are SQL databases, and their `dialect` in `sql.get_table`."""


_Key = Annotated[str, checked(r"[^;|\r\n]+", "names of columns separated by commas, for instance id, line")]
Template = Annotated[str, AfterValidator(known_templates)]


def _names(value: object) -> object:
    return tuple(filter(None, (name.strip() for name in value.split(",")))) if isinstance(value, str) else value


def _words(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _words(part)


class WorkbookRow(Model):
    """One row of the sheet, which loads one table. The order of the fields is that of the template's columns."""

    job_id: Annotated[str, checked(r"[A-Za-z0-9_.-]{1,63}", "letters, digits, _ . - (at most 63)")] = Field(
        description="Name of the job, different in each row; a tag of the asset."
    )
    source_type: SourceType = Field(description="Kind of the source.")
    source_name: Annotated[str, checked(r"[A-Za-z0-9_-]+", "letters, digits, _ and -, for instance sales_db")] = Field(
        description="Name of the connection: its settings are [sources.<folder>.<source_name>] of .dlt/secrets.toml."
    )
    schema_name: str | None = Field(default=None, description="Schema of the table; Oracle needs it.")
    table_name: str = Field(
        description="Table or view; for an API the name of the destination table; for files their path or glob."
    )
    load_type: Literal["FULL", "INCREMENTAL"] = Field(
        description="FULL replaces the table; INCREMENTAL merges new rows by key, or appends them if there is no key."
    )
    enabled: Literal["Y", "N"] = Field(description="N: no asset, no load.")
    target_container: LakeContainer | None = Field(
        default=None, description="Container of the lake; leave it and the folder empty to load into the warehouse."
    )
    target_folder_path: LakeFolder | None = Field(
        default=None,
        description="Folder in the container; the table's path is <folder>/<source_name>_<table_name>/.",
    )
    watermark_column: str | None = Field(
        default=None, description="INCREMENTAL: column whose largest value separates new rows from loaded rows."
    )
    last_watermark: int | float | datetime | date | str | None = Field(
        default=None, description="INCREMENTAL: start value of the first run; each later run starts at the last value."
    )
    query_filter: Template | None = Field(
        default=None, description="One boolean expression in the database's SQL, for instance status = 'active'."
    )
    api_endpoint: Template | None = Field(
        default=None, description="API: path below the base URL, for instance /api/v1/users."
    )
    api_method: Literal["GET", "POST"] | None = Field(default=None, description="API: HTTP method, by default GET.")
    pagination_type: Literal["none", "offset", "cursor", "page"] | None = Field(
        default=None, description="API: how to request the next page, by default none."
    )
    chunk_size: int | None = Field(
        default=None, ge=1, description="Rows of a chunk, by default 100000; for an API the page size."
    )
    parallelism: int | None = Field(
        default=None, ge=1, description="Number of connections that read one big table, by default 1."
    )
    primary_key: Annotated[tuple[_Key, ...], BeforeValidator(_names, json_schema_input_type=str)] = Field(
        default=(),
        description="INCREMENTAL: key to merge on, columns separated by commas; by default a database table's own key.",
    )


COLUMNS: tuple[str, ...] = tuple(WorkbookRow.model_fields)
REQUIRED: tuple[str, ...] = tuple(name for name, field in WorkbookRow.model_fields.items() if field.is_required())
"""Columns that a sheet must have; all others are optional."""
ACCEPTED_WORDS: Mapping[str, tuple[str, ...]] = {
    name: words for name, field in WorkbookRow.model_fields.items() if (words := tuple(_words(field.annotation)))
}
"""The accepted words of columns with a fixed choice, in any case."""
NUMBER_COLUMNS = ("chunk_size", "parallelism")
"""Columns of numbers."""
VALUE_COLUMNS = ("last_watermark",)
"""Columns of a number, a date or a text. All other columns contain text."""

_NEEDED = (
    ("load_type", "INCREMENTAL", "watermark_column", "a column that grows with new rows, for instance updated_at"),
    ("load_type", "INCREMENTAL", "last_watermark", "the start value of the first run, for instance 2024-01-01 or 0"),
    ("source_type", "Oracle", "schema_name", "the schema that owns the table"),
    ("source_type", "API", "api_endpoint", "a path below the base URL, for instance /api/v1/users"),
)
"""If a column has a value, another column is required: column, value, required column, and its accepted values."""

_SQL, _API = frozenset(DIALECTS), frozenset({"API"})
_USED_BY: Mapping[str, frozenset[str]] = {
    "schema_name": _SQL, "query_filter": _SQL, "parallelism": _SQL,
    "api_endpoint": _API, "api_method": _API, "pagination_type": _API,
    "chunk_size": _SQL | _API,
}  # fmt: skip
"""The source types that use a column."""

_DEFAULTS: Mapping[str, object] = {"parallelism": 1, "api_method": "GET", "pagination_type": "none"}
"""Values that a cell may have although its source type does not use the column: the defaults."""


def find_conflicts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields each column that is empty but required, or set but not used, given the row's other values, and why.

    Args:
        row: The values of the cells that are not empty, by column.
    """
    for column in REQUIRED:
        if column not in row:
            yield column, f"is empty; accepted: {', '.join(ACCEPTED_WORDS.get(column, ())) or 'text'}"
    for column, word, needed, accepted in _NEEDED:
        if row.get(column) == word and needed not in row:
            yield needed, f"is empty and {column} is {word}; accepted: {accepted}"
    for one, other in (("target_container", "target_folder_path"), ("target_folder_path", "target_container")):
        if one in row and other not in row:
            yield other, f"is empty and {one} is not; accepted: both for the lake, or neither for the warehouse"
    kind = row.get("source_type")
    for column, users in _USED_BY.items() if kind in ACCEPTED_WORDS["source_type"] else ():
        if column in row and kind not in users and row[column] != _DEFAULTS.get(column):
            yield column, f"is not used for source_type {kind}; leave it empty"
