"""Which partitions a Delta table can have, and which rows they can hold: those that its log keeps exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute

from data_foundation.errors import LoadError, ValueRefused
from data_foundation.warehouses.lake.partitions.hints import IDENTITY

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from data_foundation.warehouses.lake.row_changes import TableChange

EXACT: Mapping[str, Callable[[pa.DataType], bool]] = {
    "text": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
    "bigint": pa.types.is_integer,
    "bool": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": pa.types.is_timestamp,
}
"""dlt's types of which each value is read from the log as it was written; deltalake changes some of the others."""

READ_AS_NULL = ("", "__HIVE_DEFAULT_PARTITION__")
"""Texts that a reader of a partition takes for NULL, by the protocol of Delta."""


def find_columns(change: TableChange, table: DeltaTable | None) -> Sequence[str]:
    """Returns the names of the partition columns that a table has once a load has changed it.

    Args:
        change: The change of the table.
        table: The table, None if it does not exist.

    Raises:
        LoadError: The hints are not those of Delta, or the table is partitioned in another way.
    """
    wanted = [hint.column for hint in change.partitions]
    if changed := [hint for hint in change.partitions if hint.transform != IDENTITY]:
        got = f"columns.{changed[0].column}.partition: {changed[0].transform}"
        raise LoadError(f"{change.name}: got {got}; accepted with LAKE_FORMAT=delta: partition: true")
    if table is None or change.is_made_anew:
        return wanted
    existing = table.metadata().partition_columns
    # Without a hint a table keeps its partitions, which another program may have chosen.
    if wanted and set(wanted) != set(existing):
        message = (
            f"{change.name}: the table is partitioned by {', '.join(existing) or 'nothing'}, and the configuration "
            f"says {', '.join(wanted)}; a Delta table keeps its partitions: load it with refresh=drop, or restore "
            "`partition` in `columns`"
        )
        raise LoadError(message)
    return existing


def check_rows(change: TableChange, columns: Sequence[str]) -> None:
    """Refuses rows with values that partitions would change.

    Args:
        change: The change of the table, with the rows.
        columns: The partition columns.

    Raises:
        LoadError: A column has another type.
        ValueRefused: A column has a text that is read as NULL.
    """
    if not (columns and change.files):
        return
    schema = change.rows.schema
    for name in columns:
        where = f"{change.name}: partition column {name}"
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        if not any(is_of(kind) for is_of in EXACT.values()):
            message = f"{where} is of type {kind}; accepted with LAKE_FORMAT=delta: {', '.join(EXACT)}"
            raise LoadError(message)
        if EXACT["text"](kind):
            lost = pa.compute.is_in(pa.compute.field(name), value_set=pa.array(READ_AS_NULL, kind))
            if change.rows.count_rows(filter=lost):
                message = (
                    f"{where} has the text '' or '{READ_AS_NULL[1]}', which every reader of a Delta table takes for "
                    "NULL; partition by another column, or replace the text by a processing step"
                )
                raise ValueRefused(message)


def require_columns(change: TableChange, columns: Sequence[str], known: Sequence[str]) -> None:
    """Refuses partition columns that a new table would not have.

    Args:
        change: The change of the table.
        columns: The partition columns.
        known: The columns of the table.

    Raises:
        LoadError: Names the first that is missing.
    """
    if missing := next((name for name in columns if name not in known), None):
        message = (
            f"{change.name}: the rows have no column {missing}, by which the table is to be partitioned; give it a "
            "data_type in `columns`, or leave its `partition` out"
        )
        raise LoadError(message)
