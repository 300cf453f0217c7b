"""Refuses a table that is not as this project has left it: it has unknown rows, it is gone, or its state is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlt.common.schema.utils import get_nested_tables, has_table_seen_data

from data_foundation.errors import LoadError
from data_foundation.naming import schema_name
from data_foundation.warehouses.connection import connect, count_rows
from data_foundation.warehouses.table_columns import KnowsTables

if TYPE_CHECKING:
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination


def refuse_unexpected(task: Task, pipeline: TablePipeline, destination: Destination) -> None:
    """Refuses a load into a table that is not as this project has left it.

    Args:
        task: The resource, and the run's options.
        pipeline: The pipeline of its table, synchronised.
        destination: From `Warehouse.open`.

    Raises:
        LoadError: The table has unknown rows, does not exist any more, or has no state any more.
    """
    _refuse_unknown_table(task, pipeline, destination)
    _refuse_missing_table(task, pipeline, destination)
    _refuse_missing_state(task, pipeline, destination)


def _refuse_unknown_table(task: Task, pipeline: TablePipeline, destination: Destination) -> None:
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


def _refuse_missing_table(task: Task, pipeline: TablePipeline, destination: Destination) -> None:
    """Refuses to continue a table that somebody has dropped or renamed: what its cursor has passed would be missing.

    `refresh: drop` makes it anew.

    Raises:
        LoadError: Loads have landed in the table, or in one of its nested tables, and the warehouse does not have it.
    """
    tables = pipeline.tables
    if pipeline.keeper is None or pipeline.table not in tables or task.options.refresh == "drop":
        return
    known = [str(table["name"]) for table in get_nested_tables(tables, pipeline.table) if has_table_seen_data(table)]
    if gone := [name for name in known if _is_gone(pipeline, destination, name)]:
        name = f"{task.source.name}.{task.resource.table}"
        what = "the table" if pipeline.table in gone else f"its nested table {', '.join(gone)}"
        message = (
            f"{what} does not exist any more, though load {pipeline.parent} has landed: it was dropped or renamed; "
            f"nothing was read. Give it its name again, or load everything anew: `foundation run {name} --refresh drop`"
        )
        raise LoadError(message)


def _is_gone(pipeline: TablePipeline, destination: Destination, name: str) -> bool:
    """Returns True if the warehouse does not have a table; False where that is not known."""
    if pipeline.keeper is not None and pipeline.keeper.has_columns:
        return not pipeline.keeper.has_table(name)
    return isinstance(destination, KnowsTables) and destination.lacks(
        pipeline.dataset, schema_name(pipeline.table), name
    )


def _refuse_missing_state(task: Task, pipeline: TablePipeline, destination: Destination) -> None:
    """Refuses to continue a table of a lake whose state somebody has removed: an append would add all rows again.

    Where tables have fixed columns, a table without its records is one with unknown rows. `refresh` begins anew.

    Raises:
        LoadError: Loads have landed in the table, and the lake has no state of it.
    """
    if not isinstance(destination, KnowsTables) or task.options.refresh != "none":
        return
    if pipeline.parent is not None and not pipeline.dlt.state.get("_state_version"):
        message = (
            f"load {pipeline.parent} has landed, and the lake has no state of the table any more: files of "
            "_dlt_pipeline_state were removed; nothing was read. Put them back, or load everything anew: "
            f"`foundation run {task.source.name}.{task.resource.table} --refresh drop`"
        )
        raise LoadError(message)
