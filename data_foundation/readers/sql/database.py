"""The interface of a database connection, and a table as the database describes it: columns, SQL and Arrow types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import pyarrow as pa
from typing_extensions import override

from data_foundation.readers.decimal_hint import declared_digits

NARROW_DECIMAL, MAX_DECIMAL = 38, 76
"""Digits of Arrow's decimal128 and decimal256."""

JSON: Mapping[str, Any] = {"data_type": "json"}
NO_ZONE: Mapping[str, Any] = {"data_type": "timestamp", "timezone": False}
"""dlt hints that the Arrow type of a column does not express."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Name in the database.
        declared: Type as the database writes it.
        kind: Arrow type of the values; None to take the type of the driver's values.
        expression: SQL of the values; None for the quoted name.
        hint: dlt hint that the Arrow type does not express.
        nullable: True if the column may contain NULL.
        is_key: True if the column is part of the primary key.
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
    """An existing table or view, or the rows of a query.

    Attributes:
        schema: Schema of the table; None if the database has no schemas.
        name: Name in the database.
        columns: All columns, in the table's order.
        query: The SELECT that stands in place of a table, "" for a table.
    """

    schema: str | None
    name: str
    columns: tuple[Column, ...]
    query: str = ""

    @classmethod
    def of_query(cls, query: str, columns: Iterable[Column]) -> Self:
        """Returns the table of a query's rows."""
        return cls(None, "query", tuple(columns), query)

    @override
    def __str__(self) -> str:
        if self.query:
            return "the query"
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Progress:
    """How far the state of a database has come that a connection reads.

    Attributes:
        system: Identifier of the database; a replica has that of its primary.
        oldest: The first transaction that may be missing in the state.
        following: The first transaction that is missing in it, as are all later ones.
    """

    system: str
    oldest: int
    following: int

    def is_before(self, other: Progress) -> bool:
        """Returns True if another state of the same database has transactions that this one lacks."""
        return self.system == other.system and (self.following, self.oldest) < (other.following, other.oldest)


class Database(Protocol):
    """An open connection.

    Attributes:
        dialect: A key of `database_settings.REQUIRED`.
        side_by_side: True if several connections read faster than one.
    """

    dialect: str
    side_by_side: bool

    def __enter__(self) -> Self:
        """Returns itself."""

    def __exit__(self, *_error: object) -> None:
        """Closes the connection."""

    def beside(self) -> Self:
        """Returns another connection; it shares this one's snapshot if the database supports that."""

    def interrupt(self) -> None:
        """Cancels the running statement; may be called from any thread."""

    def tables(self, schema: str | None) -> Mapping[str, tuple[str, ...]]:
        """Returns the primary key of every table and view, by name; `schema` None means the default schema."""

    def describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the table; `wanted` are the hints of `columns` in `sources.yaml`, by column.

        Raises:
            LoadError: There is no such table.
        """

    def describe_query(self, query: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the rows of a checked SELECT as a table; `wanted` as for `describe`.

        Raises:
            LoadError: The database refuses the statement, or its columns have no names of their own.
        """

    def progress(self) -> Progress | None:
        """Returns how far the state has come that the connection reads, or None if the database does not tell."""

    def row(self, statement: Any) -> tuple[Any, ...]:
        """Returns the first row of a SQLAlchemy SELECT."""

    def read(self, statement: Any, columns: Sequence[Column], chunk_size: int) -> Iterator[Any]:
        """Yields the rows of a SQLAlchemy SELECT as Arrow tables of at most `chunk_size` rows.

        Raises:
            ConnectionError: The connection was lost.
            LoadError: The database refuses the statement.
            ValueRefused: A value does not fit the type of its column exactly.
        """


def decimal(precision: int, scale: int) -> Any:
    """Returns the Arrow type of a decimal: decimal256 for more than 38 digits, else decimal128."""
    wide = precision > NARROW_DECIMAL
    return pa.decimal256(min(precision, MAX_DECIMAL), scale) if wide else pa.decimal128(precision, scale)


def wanted_decimal(hint: Mapping[str, Any]) -> Any:
    """Returns the Arrow type of a decimal hint, by default with dlt's digits. Returns None if it hints another type."""
    if hint.get("data_type") != "decimal":
        return None
    return decimal(*declared_digits(hint))
