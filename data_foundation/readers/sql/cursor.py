"""The cursor of `incremental`, put into the SELECT: dlt keeps its value and looks at every row that comes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from data_foundation.errors import LoadError
from data_foundation.readers.sql.database import Column, SourceTable
from data_foundation.readers.sql.statement import find_column, named

_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%f"
_MILLISECOND = dt.timedelta(milliseconds=1)


class Cursor:
    """What of a table a run reads, by one column.

    Attributes:
        column: Whose values tell new rows from those already loaded.
        closed: The range was asked for, or is a sample's: the cursor neither narrows nor moves.
    """

    def __init__(self, incremental: Any, table: SourceTable) -> None:
        """Spells the first and the last value as the column has them, for dlt compares them with its rows.

        Args:
            incremental: dlt's, bound to a running resource.
            table: Where the column is found.

        Raises:
            LoadError: There is no such column, or a value is not of its type.
        """
        self._incremental = incremental
        self.column = find_column(table, incremental.cursor_path, "incremental.cursor_path")
        if self.column.name != incremental.cursor_path:
            message = (f"incremental.cursor_path: got '{incremental.cursor_path}', and the column of {table} is called "
                       f"'{self.column.name}'; spell it so")  # fmt: skip
            raise LoadError(message)
        for name in ("initial_value", "start_value", "end_value"):
            if (value := getattr(incremental, name)) is not None:
                setattr(incremental, name, spell(value, self.column, f"incremental.{name}"))
        # On the first run dlt has noted the first value in its state, where the last one will stand.
        state = incremental._cached_state  # noqa: SLF001 - dlt 1.31 hands it out nowhere; tests hold it
        for name in ("initial_value", "start_value", "last_value"):
            if state.get(name) is not None:
                state[name] = spell(state[name], self.column, f"incremental.{name}")

    def conditions(self, dialect: str) -> Iterator[Any]:
        """Yields what the rows have to fulfil: never less than dlt lets through, which looks at them once more."""
        start, end = self._incremental.start_value, self._incremental.end_value
        missing = self._incremental.on_cursor_value_missing
        column = named(self.column)
        if self._incremental.last_value_func is min:
            start, end = end, start
        elif self._incremental.last_value_func is not max:
            return
        limits = list(self._limits(start, end, dialect))
        if missing == "exclude":
            yield column.is_not(None)
        if limits and missing != "exclude" and self.column.nullable:
            # Not left out by a comparison without a word: dlt refuses or takes them, as the configuration says.
            yield sa.or_(sa.and_(*limits), column.is_(None))
        else:
            yield from limits

    def order(self) -> Any:
        """Returns what to sort by, None where nobody asked for an order."""
        if not (order := self._incremental.row_order):
            return None
        column = named(self.column)
        return column.asc() if order == "asc" else column.desc()

    def _limits(self, start: Any, end: Any, dialect: str) -> Iterator[Any]:
        column = named(self.column)
        if dialect == "sqlite" and pa.types.is_timestamp(self.column.kind):
            # The file has texts, in one of several spellings, and SQLite reads milliseconds of them.
            column = sa.func.strftime(_SQLITE_MOMENT, column)
            start = start and _utc(start - _MILLISECOND).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            end = end and _utc(end + _MILLISECOND).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        elif dialect == "sqlite" and isinstance(start or end, dt.date | dt.time):
            start, end = start and start.isoformat(), end and end.isoformat()
        if start is not None:
            yield column >= sa.literal(start)
        if end is not None:
            # An end that dlt leaves out is read along where it stands in the way: at the side of too much.
            yield column <= sa.literal(end)


def spell(value: Any, column: Column, where: str) -> Any:
    """Returns a value as the rows of a column have it: a time where it holds times, in UTC where they have a zone.

    Args:
        value: From the configuration, or as it was stored.
        column: Whose rows it is compared with.
        where: What named it, for the message.

    Raises:
        LoadError: It cannot be such a value.
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
    """Returns a time in UTC; one without a zone is in UTC already."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    elif not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date has no zone
    return _utc(value)


def _utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
