"""What `kwargs` of `get_rows` accept as far as text tells; `foundation check` looks at them, and a load once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from data_foundation.config.fields import Model

Format = Literal["csv", "jsonl", "json", "parquet", "excel", "pdf"]
OnBadRow = Literal["fail", "quarantine"]

_ENDINGS: Mapping[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".pdf": "pdf", ".parquet": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip

NOTATION = ("decimal_separator", "date_format", "timestamp_format")
"""How numbers and times are written that `columns` names."""

OPTIONS: Mapping[Format, tuple[str, ...]] = {
    "csv": ("encoding", "delimiter", "quote", "escape", "header", "skip", "null_values", *NOTATION),
    "jsonl": ("encoding",),
    "json": ("encoding",),
    "parquet": (),
    "excel": ("sheet", "header", "skip"),
    "pdf": ("header", "tables_with", "table_settings", *NOTATION),
}
"""Which keys of `kwargs` mean something for which format."""


def format_by_name(name: str) -> Format | None:
    """Returns the format that the ending of a file's name means, without `.gz`; None where it means none."""
    return _ENDINGS.get(PurePosixPath(name.lower().removesuffix(".gz")).suffix)


def find_meaningless(given: Iterable[str], kind: Format) -> str:
    """Returns what is wrong with keys that mean nothing for a format, "" where all mean something."""
    accepted = ", ".join(OPTIONS[kind]) or "none"
    return next((f"{key}: means nothing for {kind}; accepted there: {accepted}" for key in given
                 if key not in OPTIONS[kind]), "")  # fmt: skip


class FileArguments(Model):
    """`kwargs` of `get_rows`, which see; what is not here is looked at with the files."""

    model_config = ConfigDict(extra="allow")

    path: str
    connection: str | None = None
    format: Format | None = None
    on_bad_row: OnBadRow = "fail"

    @model_validator(mode="after")
    def _options_mean_something(self) -> Self:
        kind = self.format or format_by_name(self.path)
        given = [key for key, value in (self.model_extra or {}).items() if value is not None]
        if kind and (message := find_meaningless(given, kind)):
            raise ValueError(message)
        return self
