"""Builds the SELECT of a table; SQLAlchemy renders it in each database's dialect."""

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
        table: The table to select from.
        columns: The selected columns, in this order.
        conditions: SQLAlchemy conditions, combined with AND.
        order: SQLAlchemy ORDER BY expression, or None.
        limit: Largest number of rows, or None.
    """
    selected = [
        named(column) if column.expression is None else sa.literal_column(column.expression).label(_quoted(column.name))
        for column in columns
    ]
    select = sa.select(*selected).select_from(from_table(table)).where(*conditions)
    select = select if order is None else select.order_by(order)
    return select if limit is None else select.limit(limit)


def from_table(table: SourceTable) -> Any:
    """Returns the SQLAlchemy object of a table, or of the rows of its query."""
    if table.query:
        return from_query(table.query)
    return sa.table(_quoted(table.name), schema=_quoted(table.schema) if table.schema else None)


def from_query(query: str) -> Any:
    """Returns the SQLAlchemy object of a query's rows; the query is sent unchanged."""
    # SQLAlchemy takes :name for a placeholder, unless the colon is escaped.
    return sa.text(query.replace(":", "\\:")).columns().subquery("query_rows")


def named(column: Column) -> Any:
    """Returns the SQLAlchemy object of a column, with its name quoted."""
    return sa.column(_quoted(column.name))


def as_text(select: Any, dialect: Any) -> str:
    """Returns a SELECT as text, with its values as literals."""
    return str(select.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def choose_columns(table: SourceTable, include: Sequence[str] | str, exclude: Sequence[str] | str) -> list[Column]:
    """Returns the columns to read, in the table's order.

    Raises:
        LoadError: The table has no column of a given name, or no column is left.
    """
    included = [find_column(table, name, "include") for name in _names(include)] or table.columns
    excluded = [find_column(table, name, "exclude") for name in _names(exclude)]
    if not (chosen := [column for column in table.columns if column in included and column not in excluded]):
        raise LoadError(f"{table}: include and exclude leave no column")
    return chosen


def _names(given: Sequence[str] | str) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def find_column(table: SourceTable, name: str, where: str = "") -> Column:
    """Returns the column of this name, or else the only one whose normalized name is the same.

    Args:
        table: The table to search.
        name: The configured name.
        where: Field of the configuration that contains the name, for the message.

    Raises:
        LoadError: There is no such column, or there are several.
    """
    exact = [column for column in table.columns if column.name == name]
    matches = exact or [column for column in table.columns if normalize(column.name) == normalize(name)]
    if len(matches) != 1:
        names = [column.name for column in table.columns]
        prefix = f"{where}: " if where else ""
        raise LoadError(f"{prefix}{table} has no column '{name}'; it has {', '.join(names)}{nearest(name, names)}")
    return matches[0]


def wanted_of(wanted: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Returns the configured hints of a column, by its own name or its normalized name in the warehouse."""
    return wanted.get(name) or wanted.get(normalize(name)) or {}


class TableMissing(LoadError):
    """The table does not exist, or no longer."""


def missing_table(connection: Connection, schema: str | None, table: str, names: Sequence[str]) -> TableMissing:
    """Returns the error for a table that does not exist; `names` are the existing tables and views."""
    place = f"schema '{schema}'" if schema else "the search path"
    existing = f"{len(names)} tables and views there{nearest(table, names)}" if names else "no tables or views there"
    return TableMissing(f"{connection} has no table '{table}' in {place}; {existing}")


def _quoted(name: str) -> quoted_name:
    return name if isinstance(name, quoted_name) else quoted_name(name, quote=True)
