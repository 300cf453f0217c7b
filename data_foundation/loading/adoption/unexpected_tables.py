"""Refuses a table that is not as this project has left it: it has unknown rows, or it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlt.common.schema.utils import get_nested_tables, has_table_seen_data

from data_foundation.errors import LoadError
from data_foundation.warehouses.connection import connect, count_rows

if TYPE_CHECKING:
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination


def refuse_unknown_table(task: Task, pipeline: TablePipeline, destination: Destination) -> None:
    """Refuses the first load into a table that another program or a person has filled.

    An append would add what is there already, and a merge or a replace would remove rows that this project knows
    nothing of. `refresh: drop` is meant to.

    Raises:
        LoadError: The table has rows.
    """
    keeper = pipeline.keeper
    if keeper is None or not keeper.is_unknown or task.options.refresh == "drop":
        return
    with connect(destination, pipeline.dataset) as client:
        rows = count_rows(client, pipeline.table)
    if rows:
        name = f"{task.source.name}.{task.resource.table}"
        message = (
            f"table {pipeline.table} holds {rows:,} rows that this project has not loaded; nothing was read. "
            f"`foundation adopt {name} --pipeline NAME` continues where a pipeline of dlt has ended, `foundation adopt "
            f"{name} --cursor COLUMN` takes over any table, and `refresh: drop` makes it anew; or give `destination` "
            "another table"
        )
        raise LoadError(message)


def refuse_missing_table(task: Task, pipeline: TablePipeline) -> None:
    """Refuses to continue a table that somebody has dropped or renamed: what its cursor has passed would be missing.

    `refresh: drop` makes it anew.

    Raises:
        LoadError: Loads have landed in the table, or in one of its nested tables, and the warehouse does not have it.
    """
    keeper, tables = pipeline.keeper, pipeline.tables
    if keeper is None or not keeper.has_columns or pipeline.table not in tables or task.options.refresh == "drop":
        return
    known = [str(table["name"]) for table in get_nested_tables(tables, pipeline.table) if has_table_seen_data(table)]
    if gone := [name for name in known if not keeper.has_table(name)]:
        name = f"{task.source.name}.{task.resource.table}"
        what = "the table" if pipeline.table in gone else f"its nested table {', '.join(gone)}"
        message = (
            f"{what} does not exist any more, though load {pipeline.parent} has landed: it was dropped or renamed; "
            f"nothing was read. Give it its name again, or load everything anew: `foundation run {name} --refresh drop`"
        )
        raise LoadError(message)
