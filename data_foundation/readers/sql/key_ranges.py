"""Divides a big table into ranges of a key, so that several connections read it in parallel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from data_foundation.errors import EntryError
from data_foundation.readers.sql.database import Column, Database, SourceTable
from data_foundation.readers.sql.statement import find_column, from_table, named


def find_key(table: SourceTable, partition_on: str | None, option: str = "parallelism") -> Column:
    """Returns the column of the ranges: `partition_on`, or the primary key.

    Args:
        table: The table that is divided.
        partition_on: Name of the column, None for the primary key.
        option: The key of `kwargs` that divides the table, for messages.

    Raises:
        EntryError: `partition_on` is not set and the primary key is not a single column, or the type has no ranges.
        LoadError: The table has no such column.
    """
    keys = [column for column in table.columns if column.is_key]
    if partition_on is None and len(keys) != 1:
        reason = f"its key is {', '.join(column.name for column in keys)}" if keys else "it has no primary key"
        raise EntryError(f"{option}: {table} needs partition_on, the column to divide the table by; {reason}")
    key = find_column(table, partition_on, "partition_on") if partition_on else keys[0]
    kind = key.kind
    whole = pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0)
    if not (whole or pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise EntryError(
            f"partition_on: column {key.name} is {key.declared}; accepted are whole numbers, dates and times"
        )
    return key


def find_ranges(
    database: Database, table: SourceTable, key: Column, conditions: Sequence[Any], parts: int
) -> list[tuple[Any, ...]]:
    """Returns the SQL conditions of each range; every row is in exactly one range.

    The first range has no lower end and contains rows without a key; the last has no upper end. So rows written while
    the table is read, if the database shows them, are in a range too.

    Args:
        database: Reads the smallest and the largest key.
        table: The table that is read.
        key: The column that `find_key` returned.
        conditions: SQL conditions of the whole read.
        parts: Wanted number of ranges.
    """
    column = named(key)
    query = sa.select(sa.func.min(column), sa.func.max(column)).select_from(from_table(table)).where(*conditions)
    smallest, largest = (read_bound(value, key) for value in database.row(query))
    if smallest is None or smallest == largest:
        return [()]
    cuts = sorted({_between(smallest, largest, number, parts) for number in range(1, parts)} - {smallest})
    if not cuts:
        return [()]
    first = column < sa.literal(cuts[0])
    ranges: list[tuple[Any, ...]] = [(sa.or_(first, column.is_(None)) if key.nullable else first,)]
    ranges += [(column >= sa.literal(low), column < sa.literal(high)) for low, high in pairwise(cuts)]
    return [*ranges, (column >= sa.literal(cuts[-1]),)]


def _between(smallest: Any, largest: Any, number: int, parts: int) -> Any:
    """Returns the first key of a range; all ranges span equal shares of the keys."""
    share = (largest - smallest) * number
    return smallest + (share / parts if isinstance(share, dt.timedelta) else share // parts)


def read_bound(value: Any, key: Column) -> Any:
    """Returns a bound as a number or a time; some drivers return integers as decimals or as text."""
    if value is None or isinstance(value, dt.date):
        return value
    return int(Decimal(value)) if not isinstance(value, int) and not pa.types.is_temporal(key.kind) else value
