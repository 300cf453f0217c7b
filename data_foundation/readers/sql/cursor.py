"""Translates the cursor of `incremental` to SQL conditions; dlt stores its value and filters the rows once more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from dlt.common.time import to_py_datetime

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.sql.database import Column, Database, SourceTable
from data_foundation.readers.sql.statement import find_column, from_table, named

_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%f"
_MILLISECOND = dt.timedelta(milliseconds=1)


class Cursor:
    """The part of a table that a run reads, by the values of one column.

    Attributes:
        column: The cursor column; its values separate new rows from rows already loaded.
    """

    def __init__(self, incremental: Any, table: SourceTable) -> None:
        """Converts the cursor's values to the column's type, because dlt compares them with the rows.

        Args:
            incremental: dlt's `Incremental` of a running resource.
            table: The table with the cursor column.

        Raises:
            LoadError: The table has no such column, or a value cannot be converted to its type.
        """
        self._incremental = incremental
        self.column = find_column(table, incremental.cursor_path, "incremental.cursor_path")
        if self.column.name != incremental.cursor_path:
            message = (f"incremental.cursor_path: got '{incremental.cursor_path}'; accepted is the exact name of the "
                       f"column of {table}, '{self.column.name}'")  # fmt: skip
            raise LoadError(message)
        for name in ("initial_value", "start_value", "end_value"):
            if (value := getattr(incremental, name)) is not None:
                setattr(incremental, name, spell(value, self.column, f"incremental.{name}"))
        # On the first run dlt has already stored the initial value as the last value.
        state = incremental._cached_state  # noqa: SLF001 - dlt 1.31 has no public name for it; tests guard it
        for name in ("initial_value", "start_value", "last_value"):
            if state.get(name) is not None:
                state[name] = spell(state[name], self.column, f"incremental.{name}")

    def conditions(self, dialect: str) -> Iterator[Any]:
        """Yields the SQL conditions for the rows. They admit every row that dlt's own filter would keep."""
        start, end = self._incremental.start_value, self._incremental.end_value
        missing = self._incremental.on_cursor_value_missing
        column = named(self.column)
        if self._incremental.last_value_func is min:
            start, end = end, start
        elif self._incremental.last_value_func is not max:
            return
        bounds = list(limits(self.column, start, end, dialect))
        if missing == "exclude":
            yield column.is_not(None)
        if bounds and missing != "exclude" and self.column.nullable:
            # A comparison would drop rows with NULL silently; dlt refuses or keeps them, as configured.
            yield sa.or_(sa.and_(*bounds), column.is_(None))
        else:
            yield from bounds

    @property
    def is_at_beginning(self) -> bool:
        """True if no load has moved the cursor yet."""
        state = self._incremental._cached_state  # noqa: SLF001 - as above
        return bool(state.get("last_value") == state.get("initial_value"))

    def read_newest(self, database: Database, table: SourceTable, conditions: Sequence[Any]) -> Any:
        """Returns the cursor's greatest value in the table, as rows have it; None if there is none.

        Args:
            database: An open connection.
            table: The table.
            conditions: SQL conditions of the rows.

        Raises:
            EntryError: The cursor is not the greatest value.
        """
        if self._incremental.last_value_func is not max:
            raise EntryError("first_load_rows: accepted is a cursor that grows; leave first_load_rows out")
        query = sa.select(sa.func.max(named(self.column))).select_from(from_table(table)).where(*conditions)
        (value,) = database.row(query)
        return None if value is None else spell(value, self.column, "incremental.cursor_path")

    def order(self) -> Any:
        """Returns the ORDER BY expression, or None if `row_order` is not set."""
        if not (order := self._incremental.row_order):
            return None
        column = named(self.column)
        return column.asc() if order == "asc" else column.desc()


def limits(column: Column, start: Any, end: Any, dialect: str) -> Iterator[Any]:
    """Yields the SQL conditions for values of a column between two; they admit every such row, and may admit more.

    Args:
        column: The column.
        start: First value, None for no start.
        end: Last value, None for no end.
        dialect: A key of `database_settings.REQUIRED`.
    """
    values = named(column)
    if dialect == "sqlite" and pa.types.is_timestamp(column.kind):
        # SQLite stores times as text in several formats, and its functions read them to the millisecond.
        values = sa.func.strftime(_SQLITE_MOMENT, values)
        start = start and _utc(start - _MILLISECOND).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        end = end and _utc(end + _MILLISECOND).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    elif dialect == "sqlite" and isinstance(start or end, dt.date | dt.time):
        start, end = start and start.isoformat(), end and end.isoformat()
    if start is not None:
        yield values >= sa.literal(start)
    if end is not None:
        # Inclusive even if dlt's range is open at the end: dlt then filters the rows that equal the end.
        yield values <= sa.literal(end)


def spell(value: Any, column: Column, where: str) -> Any:
    """Returns a value in the type of a column; times are in UTC if the column has a time zone.

    Args:
        value: The configured or stored value.
        column: The column whose rows it is compared with.
        where: Field of the configuration, for the message.

    Raises:
        LoadError: The value cannot be converted.
    """
    kind = column.kind
    try:
        if pa.types.is_timestamp(kind):
            moment = _moment(value)
            return moment if kind.tz else moment.replace(tzinfo=None)
        if pa.types.is_date32(kind):
            return value if type(value) is dt.date else _moment(value).date()
        if pa.types.is_integer(kind) and isinstance(value, str):
            return int(value)
        if pa.types.is_floating(kind) and isinstance(value, str):
            return float(value)
        if pa.types.is_string(kind) and not isinstance(value, str):
            return value.isoformat() if isinstance(value, dt.date) else str(value)
    except (TypeError, ValueError):
        accepted = "a time in ISO 8601, for instance 2024-01-31T00:00:00Z" if pa.types.is_temporal(kind) else "a number"
        message = f"{where}: got '{value}'; column {column.name} is {column.declared}, so accepted is {accepted}"
        raise LoadError(message) from None
    return value


def _moment(value: Any) -> dt.datetime:
    """Returns a time in UTC as the standard library's, which every driver takes; without a zone it is taken as UTC."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    elif not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date has no zone
    return to_py_datetime(_utc(value))


def _utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
