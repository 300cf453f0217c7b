"""The columns of the sheet: what each cell accepts, and which columns a kind of source needs."""

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
"""Kinds of source that are SQL databases, as the SQL reader calls them."""


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
    """One row of the sheet: a job, which loads one table. The order is that of the template's columns."""

    job_id: Annotated[str, checked(r"[A-Za-z0-9_.-]{1,63}", "letters, digits, _ . - (at most 63)")] = Field(
        description="Name of the job, unlike any other in the sheet; the asset has it as a tag."
    )
    source_type: SourceType = Field(description="What is read.")
    source_name: Annotated[str, checked(r"[A-Za-z0-9_-]+", "letters, digits, _ and -, for instance sales_db")] = Field(
        description="Name of the connection: its settings are [sources.<folder>.<source_name>] of .dlt/secrets.toml."
    )
    schema_name: str | None = Field(default=None, description="Schema of the table; Oracle needs it.")
    table_name: str = Field(description="Table or view; of an API what to call the table; of files their path or glob.")
    load_type: Literal["FULL", "INCREMENTAL"] = Field(
        description="FULL replaces the table; INCREMENTAL merges what is new by key, or appends it where there is none."
    )
    enabled: Literal["Y", "N"] = Field(description="N: no asset, no load.")
    target_container: LakeContainer | None = Field(
        default=None, description="Container of the lake; empty together with the folder: the warehouse of all others."
    )
    target_folder_path: LakeFolder | None = Field(
        default=None, description="Folder in the container; the table lands in <folder>/<source_name>_<table_name>/."
    )
    watermark_column: str | None = Field(default=None, description="INCREMENTAL: the column that tells new rows.")
    last_watermark: int | float | datetime | date | str | None = Field(
        default=None, description="INCREMENTAL: where the first run starts; later ones start where the last one ended."
    )
    query_filter: Template | None = Field(
        default=None, description="One boolean expression in the database's SQL, for instance status = 'active'."
    )
    api_endpoint: Template | None = Field(
        default=None, description="API: path below the base URL, for instance /api/v1/users."
    )
    api_method: Literal["GET", "POST"] | None = Field(default=None, description="API: GET unless said otherwise.")
    pagination_type: Literal["none", "offset", "cursor", "page"] | None = Field(
        default=None, description="API: how the next page is asked for; none unless said otherwise."
    )
    chunk_size: int | None = Field(default=None, ge=1, description="Rows at a time: 100000, of an API what it gives.")
    parallelism: int | None = Field(default=None, ge=1, description="Connections that read one big table: 1.")
    primary_key: Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str)] = Field(
        default=(), description="Key that INCREMENTAL merges on, with commas between columns; of a database its own."
    )


COLUMNS: tuple[str, ...] = tuple(WorkbookRow.model_fields)
REQUIRED: tuple[str, ...] = tuple(name for name, field in WorkbookRow.model_fields.items() if field.is_required())
"""Columns that a sheet must have; it may lack any other."""
WORDS: Mapping[str, tuple[str, ...]] = {
    name: words for name, field in WorkbookRow.model_fields.items() if (words := tuple(_words(field.annotation)))
}
"""What the cells of some columns choose from, in any case."""
NUMBERS = ("chunk_size", "parallelism")
VALUES = ("last_watermark",)
"""Columns whose cells hold numbers; whose cells hold a number, a date or a text. All others hold texts."""

_NEEDED = (
    ("load_type", "INCREMENTAL", "watermark_column", "the column that tells new rows, for instance updated_at"),
    ("load_type", "INCREMENTAL", "last_watermark", "where the first run starts, for instance 2024-01-01 or 0"),
    ("source_type", "Oracle", "schema_name", "the schema that owns the table"),
    ("source_type", "API", "api_endpoint", "a path below the base URL, for instance /api/v1/users"),
)
"""Where a column holds a word, another one that must not be empty, and what it accepts."""

_SQL, _API = frozenset(DIALECTS), frozenset({"API"})
_USED_BY: Mapping[str, frozenset[str]] = {
    "schema_name": _SQL, "query_filter": _SQL, "parallelism": _SQL,
    "api_endpoint": _API, "api_method": _API, "pagination_type": _API,
    "chunk_size": _SQL | _API,
}  # fmt: skip
_SAYS_NOTHING: Mapping[str, object] = {"parallelism": 1, "api_method": "GET", "pagination_type": "none"}
"""What a cell may hold that is of no use for its kind of source: what goes without saying."""


def find_gaps(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the columns of a row that do not go with its other ones, and why.

    Args:
        row: The values of the cells that are not empty, by column.
    """
    for column in REQUIRED:
        if column not in row:
            yield column, f"is empty; accepted: {', '.join(WORDS.get(column, ())) or 'a text'}"
    for column, word, needed, accepted in _NEEDED:
        if row.get(column) == word and needed not in row:
            yield needed, f"is empty and {column} is {word}; accepted: {accepted}"
    for one, other in (("target_container", "target_folder_path"), ("target_folder_path", "target_container")):
        if one in row and other not in row:
            yield other, f"is empty and {one} is not; accepted: both, or neither for the warehouse of all others"
    kind = row.get("source_type")
    for column, users in _USED_BY.items() if kind in WORDS["source_type"] else ():
        if column in row and kind not in users and row[column] != _SAYS_NOTHING.get(column):
            yield column, f"is of no use for source_type {kind}; leave it empty"
