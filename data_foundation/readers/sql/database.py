"""A table as its database describes it: its columns, how each is selected, and what it is in Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import pyarrow as pa
from typing_extensions import override

NARROW_DECIMAL, MAX_DECIMAL = 38, 76
"""Digits that Arrow's two decimals hold."""

DEFAULT_DECIMAL = (38, 9)
"""Precision and scale of a decimal that nobody declared, as everywhere in dlt."""

JSON: Mapping[str, Any] = {"data_type": "json"}
NO_ZONE: Mapping[str, Any] = {"data_type": "timestamp", "timezone": False}
"""Hints of what Arrow's type of a column does not say."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: As the database has it.
        declared: Its type as the database writes it.
        kind: The Arrow type of its values, None where the values themselves must tell.
        expression: The SQL that gives its values, None where the quoted name does.
        hint: What the warehouse's column is, where the Arrow type does not say it.
        nullable: It may be empty.
        is_key: It is part of the primary key.
    """

    name: str
    declared: str
    kind: Any
    expression: str | None = None
    hint: Mapping[str, Any] = field(default_factory=dict)
    nullable: bool = True
    is_key: bool = False


@dataclass(frozen=True)
class SourceTable:
    """A table or a view that exists.

    Attributes:
        schema: None where the database has none.
        name: As the database has it.
    """

    schema: str | None
    name: str
    columns: tuple[Column, ...]

    @override
    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class Database(Protocol):
    """An open connection.

    Attributes:
        dialect: One of `settings.REQUIRED`.
        side_by_side: Several connections read faster than one.
    """

    dialect: str
    side_by_side: bool

    def __enter__(self) -> Self:
        """Returns itself."""

    def __exit__(self, *_error: object) -> None:
        """Closes the connection."""

    def beside(self) -> Self:
        """Returns another connection, which sees what this one sees where the database can do that."""

    def interrupt(self) -> None:
        """Ends what the database does for this connection; called from any thread."""

    def tables(self, schema: str | None) -> Mapping[str, tuple[str, ...]]:
        """Returns every table and view of a schema, or of where the database looks by itself, with its primary key."""

    def describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the table; `wanted` are the hints that a person gave to columns, by their names.

        Raises:
            LoadError: There is no such table.
        """

    def row(self, statement: Any) -> tuple[Any, ...]:
        """Returns the first row of a SELECT of SQLAlchemy's."""

    def read(self, statement: Any, columns: Sequence[Column], chunk_size: int) -> Iterator[Any]:
        """Yields the rows of a SELECT of SQLAlchemy's as Arrow tables of at most `chunk_size` rows.

        Raises:
            ConnectionError: The connection was lost.
            LoadError: The database refuses the statement.
            ValueRefused: A value has no exact place in its column.
        """


def decimal(precision: int, scale: int) -> Any:
    """Returns the Arrow type of decimals; those of more than 38 digits need the wider one."""
    wide = precision > NARROW_DECIMAL
    return pa.decimal256(min(precision, MAX_DECIMAL), scale) if wide else pa.decimal128(precision, scale)


def wanted_decimal(hint: Mapping[str, Any]) -> Any:
    """Returns the Arrow type of a decimal that a person asked for, None where nobody did; dlt's own without digits."""
    if hint.get("data_type") != "decimal":
        return None
    precision = hint.get("precision") or DEFAULT_DECIMAL[0]
    scale = hint.get("scale")
    return decimal(precision, min(DEFAULT_DECIMAL[1], precision) if scale is None else scale)
