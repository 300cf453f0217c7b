"""Refuses to load into a table with rows that this project has not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
