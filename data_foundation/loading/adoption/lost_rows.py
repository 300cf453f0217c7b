"""Notices a table that is behind its cursor: somebody has emptied it, or put an older copy in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlt.common.destination.exceptions import DestinationException
from dlt.common.time import ensure_date, ensure_datetime_in_tz
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.naming import column_of_path
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination

_COMPARED: dict[str, tuple[str, Any]] = {
    "timestamp": (">=", ensure_datetime_in_tz),
    "date": (">=", ensure_date),
    "bigint": (">=", int),
    # Every database orders texts in its own way.
    "text": ("=", str),
}
"""Comparison and conversion of the stored value, by the type of the cursor's column."""


def find_lost_rows(task: Task, pipeline: TablePipeline, destination: Destination, cursor: Any) -> Sequence[str]:
    """Returns a warning if the table has no row where its cursor has ended; nothing otherwise.

    The cursor has passed rows that are not there, and no later load reads them again.

    Args:
        task: The resource, and the run's options.
        pipeline: The pipeline of its table, before it has written.
        destination: From `Warehouse.open`.
        cursor: The stored value that the load began at; None if there was none.
    """
    settings, table = task.resource.incremental, pipeline.tables.get(pipeline.table)
    if settings is None or cursor is None or table is None or task.options.is_partial or not pipeline.has_package:
        return ()
    column = column_of_path(settings.cursor_path)
    comparison = _COMPARED.get(str(table["columns"].get(column, {}).get("data_type")))
    if comparison is None or task.options.refresh != "none":
        return ()
    sign, convert = comparison
    try:
        with connect(destination, pipeline.dataset) as client:
            place, name = client.make_qualified_table_name(pipeline.table), client.escape_column_name(column)
            found = client.execute_sql(f"SELECT 1 FROM {place} WHERE {name} {sign} %s LIMIT 1", convert(cursor))  # noqa: S608 - quoted by dlt
    except DatabaseUndefinedRelation:
        found = ()  # parquet files that were all removed
    except (DestinationException, TypeError, ValueError):
        # A value that cannot be compared proves nothing.
        return ()
    if found:
        return ()
    name = f"{task.source.name}.{task.resource.table}"
    warning = (
        f"the table has no row with {column} {sign} {cursor}, where its last load has ended: it was emptied, or an "
        "older copy was put in its place, and what is missing is not read again. To read everything: `foundation run "
        f"{name} --refresh state`"
    )
    return (warning,)
