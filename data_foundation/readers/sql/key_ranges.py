"""One big table cut into ranges of a key, so that several connections read it side by side."""

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


def find_key(table: SourceTable, partition_on: str | None) -> Column:
    """Returns the column that ranges are made of: the one that was named, or else the primary key.

    Raises:
        EntryError: Nothing was named and no single column is the key, or its values have no ranges.
        LoadError: There is no such column.
    """
    keys = [column for column in table.columns if column.is_key]
    if partition_on is None and len(keys) != 1:
        found = f"its key is {', '.join(column.name for column in keys)}" if keys else "it has no primary key"
        raise EntryError(f"parallelism: {table} needs partition_on, the column that ranges are made of; {found}")
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
    """Returns conditions for each part; every row fulfils those of exactly one.

    The first and the last range have no outer end, and rows without a key are in the first: what is written in the
    meantime, where the database lets it be seen, is in one of them too.

    Args:
        database: Reads the smallest and the largest key.
        table: What is read.
        key: Of `find_key`.
        conditions: What the rows have to fulfil anyway.
        parts: How many ranges there are to be.
    """
    column = named(key)
    query = sa.select(sa.func.min(column), sa.func.max(column)).select_from(from_table(table)).where(*conditions)
    smallest, largest = (_value(found, key) for found in database.row(query))
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
    """Returns where a part begins, by equal shares of the whole range."""
    share = (largest - smallest) * number
    return smallest + (share / parts if isinstance(share, dt.timedelta) else share // parts)


def _value(found: Any, key: Column) -> Any:
    """Returns a bound as a number or a time: some drivers give decimals, and those as text."""
    if found is None or isinstance(found, dt.date):
        return found
    return int(Decimal(found)) if not isinstance(found, int) and not pa.types.is_temporal(key.kind) else found
