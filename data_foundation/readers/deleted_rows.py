"""The option `deleted` of a reader: which rows of the table are compared with the source's keys, and what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from data_foundation.config.fields import Model
from data_foundation.config.messages import explain_validation
from data_foundation.dlt_keys import SOURCE_KEYS
from data_foundation.errors import EntryError

DELETED_AT = "_deleted_at"
"""Column of `mode: soft`: when a load found that the source has no such key any more; NULL for a row that exists."""


class Scope(Model):
    """The rows that are compared: those with a value of a column from a point on."""

    column: str = Field(description="Column of a time, a date or a number.")
    days: int | None = Field(default=None, ge=1, description="Rows of this many last days.")
    since: datetime | date | int | float | str | None = Field(default=None, description="Rows from this value on.")

    @model_validator(mode="after")
    def _has_one_start(self) -> Self:
        if (self.days is None) == (self.since is None):
            message = "accepted is one of days and since, for instance {column: ordered_at, days: 90}"
            raise ValueError(message)
        return self

    @property
    def start(self) -> Any:
        """The first value of the scope; with `days` a time in UTC."""
        return datetime.now(UTC) - timedelta(days=self.days) if self.days else self.since


class Deleted(Model):
    """What a load does with rows of the table whose keys the source has no more; one word is short for `mode`."""

    mode: Literal["hard", "soft"] = Field(description=f"hard deletes the rows, soft sets their `{DELETED_AT}`.")
    at_most: float = Field(default=20, ge=0, le=100, description="Percent of the compared rows that one load deletes.")
    scope: Scope | None = Field(default=None, description="Rows that are compared; default: all.")

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value


class _Kwargs(Model):
    """The part of `kwargs` that this module reads."""

    deleted: Deleted


def find_problems_of_deleted(value: Any) -> Sequence[tuple[str, str]]:
    """Returns the path and the message of each error in a value of `deleted`."""
    given = {"deleted": value}
    try:
        _Kwargs.model_validate(given)
    except ValidationError as error:
        return [(".".join(map(str, path)), message) for path, message in explain_validation(_Kwargs, given, error)]
    return []


def read_deleted(value: Any) -> Deleted | None:
    """Returns the option, None if it is not set.

    Args:
        value: `deleted` of `kwargs`.

    Raises:
        EntryError: The value is not accepted; the message shows what is.
    """
    if value is None:
        return None
    if problems := find_problems_of_deleted(value):
        raise EntryError("; ".join(f"kwargs.{path}: {message}" for path, message in problems))
    return _Kwargs.model_validate({"deleted": value}).deleted


@dataclass(frozen=True)
class SourceKeys:
    """The keys that a source has, as its reader hands them over to the load.

    Attributes:
        columns: Names of the key's columns in the source.
        file: Parquet file with a row for each key, "" if the source has none.
        in_scope: The same for the keys of rows in the scope; `file` itself if all rows are compared.
        count: Number of keys.
        mode: `hard` or `soft`.
        at_most: Percent of the compared rows that the load may delete.
        scope_column: Column of the scope, "" if all rows are compared.
        scope_start: First value of the scope, in the type of its column.
    """

    columns: Sequence[str]
    file: str
    in_scope: str
    count: int
    mode: str
    at_most: float
    scope_column: str = ""
    scope_start: Any = None

    def report(self, metrics: dict[str, Any]) -> None:
        """Adds the keys to dlt's metrics of a resource."""
        metrics[SOURCE_KEYS] = {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Self | None:
        """Returns the keys that a reader has reported, None if there are none."""
        return cls(**found) if (found := metrics.get(SOURCE_KEYS)) else None

    @property
    def path(self) -> Path | None:
        """The file, None if the source has no keys."""
        return Path(self.file) if self.file else None
