"""The SELECT of a table: columns, what is left out, the order; SQLAlchemy spells it as each database wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from data_foundation.errors import LoadError
from data_foundation.naming import normalize
from data_foundation.readers.sql.database import Column, SourceTable
from data_foundation.readers.sql.database_settings import Connection
from data_foundation.suggestions import nearest


def build_select(
    table: SourceTable,
    columns: Sequence[Column],
    conditions: Sequence[Any] = (),
    order: Any = None,
    limit: int | None = None,
) -> sa.Select[Any]:
    """Returns the SELECT of `columns`.

    Args:
        table: Where from.
        columns: In their order.
        conditions: SQLAlchemy's; each has to hold.
        order: What to sort by, None for the database's own order.
        limit: Rows at most.
    """
    selected = [
        named(column) if column.expression is None else sa.literal_column(column.expression).label(_quoted(column.name))
        for column in columns
    ]
    select = sa.select(*selected).select_from(from_table(table)).where(*conditions)
    select = select if order is None else select.order_by(order)
    return select if limit is None else select.limit(limit)


def from_table(table: SourceTable) -> Any:
    """Returns the table as SQLAlchemy has it."""
    return sa.table(_quoted(table.name), schema=_quoted(table.schema) if table.schema else None)


def named(column: Column) -> Any:
    """Returns a column as SQLAlchemy has it, whatever its name."""
    return sa.column(_quoted(column.name))


def as_text(select: Any, dialect: Any) -> str:
    """Returns a SELECT as text, its values in it."""
    return str(select.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def choose_columns(table: SourceTable, include: Sequence[str] | str, exclude: Sequence[str] | str) -> list[Column]:
    """Returns the columns that are read, in the table's order.

    Raises:
        LoadError: A name is that of no column, or none is left.
    """
    kept = [find_column(table, name, "include") for name in _names(include)] or table.columns
    gone = [find_column(table, name, "exclude") for name in _names(exclude)]
    if not (chosen := [column for column in table.columns if column in kept and column not in gone]):
        raise LoadError(f"{table}: include and exclude leave no column")
    return chosen


def _names(given: Sequence[str] | str) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def find_column(table: SourceTable, name: str, where: str = "") -> Column:
    """Returns the column that is called so, or else the only one that is when case and spelling do not count.

    Args:
        table: Whose column.
        name: As a person wrote it.
        where: What named it, for the message.

    Raises:
        LoadError: There is none.
    """
    exact = [column for column in table.columns if column.name == name]
    found = exact or [column for column in table.columns if normalize(column.name) == normalize(name)]
    if len(found) != 1:
        names = [column.name for column in table.columns]
        said = f"{where}: " if where else ""
        raise LoadError(f"{said}{table} has no column '{name}'; it has {', '.join(names)}{nearest(name, names)}")
    return found[0]


def wanted_of(wanted: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Returns the hints that a person gave to a column, under its own name or the one that it has in the warehouse."""
    return wanted.get(name) or wanted.get(normalize(name)) or {}


class TableMissing(LoadError):
    """There is no such table, or none any more."""


def missing_table(connection: Connection, schema: str | None, table: str, names: Sequence[str]) -> TableMissing:
    """Returns the error for a table that is not there; `names` are those that are."""
    place = f"schema '{schema}'" if schema else "the search path"
    there = f"{len(names)} tables and views there{nearest(table, names)}" if names else "nothing at all is there"
    return TableMissing(f"{connection} has no table '{table}' in {place}; {there}")


def _quoted(name: str) -> quoted_name:
    return name if isinstance(name, quoted_name) else quoted_name(name, quote=True)
