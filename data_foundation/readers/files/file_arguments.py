"""Checks the `kwargs` of `get_rows` without opening a file: in `foundation check`, and again in each load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from data_foundation.config.fields import Model

Format = Literal["csv", "jsonl", "json", "parquet", "excel", "pdf"]
OnBadRow = Literal["fail", "quarantine"]

_FORMAT_BY_ENDING: Mapping[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".pdf": "pdf", ".parquet": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel",
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip

COMPRESSED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings of compressed files, behind that of their format."""

NOTATION_OPTIONS = ("number_format", "decimal_separator", "date_format", "timestamp_format")
"""How a file writes the numbers and times of typed columns."""

OPTIONS: Mapping[Format, tuple[str, ...]] = {
    "csv": ("encoding", "delimiter", "quote", "escape", "header", "skip", "null_values", *NOTATION_OPTIONS),
    "jsonl": ("encoding",),
    "json": ("encoding",),
    "parquet": (),
    "excel": ("sheet", "header", "skip", *NOTATION_OPTIONS),
    "pdf": ("header", "tables_with", "table_settings", *NOTATION_OPTIONS),
}
"""The keys of `kwargs` that each format accepts."""


def format_by_name(name: str) -> Format | None:
    """Returns the format of a file name's ending, in front of one like `.gz`. Returns None if it is unknown."""
    path = PurePosixPath(name.lower())
    return _FORMAT_BY_ENDING.get(path.with_suffix("").suffix if path.suffix in COMPRESSED_ENDINGS else path.suffix)


def explain_unknown_option(given: Iterable[str], kind: Format) -> str:
    """Returns the error message for the first key that a format does not accept, or "" if it accepts all."""
    accepted = ", ".join(OPTIONS[kind]) or "none"
    unknown = [key for key in given if key not in OPTIONS[kind]]
    return f"{unknown[0]}: not an option of {kind} files; accepted: {accepted}" if unknown else ""


class FileArguments(Model):
    """The `kwargs` of `get_rows` that can be checked without the files; the reader of a format checks the others."""

    model_config = ConfigDict(extra="allow")

    path: str
    connection: str | None = None
    format: Format | None = None
    on_bad_row: OnBadRow = "fail"

    @model_validator(mode="after")
    def _accepts_options(self) -> Self:
        kind = self.format or format_by_name(self.path)
        given = [key for key, value in (self.model_extra or {}).items() if value is not None]
        if kind and (message := explain_unknown_option(given, kind)):
            raise ValueError(message)
        return self
