"""Refuses to append to a table that another program has loaded after its adoption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_foundation.dlt_keys import OWN_STATE
from data_foundation.errors import LoadError
from data_foundation.warehouses.connection import connect, count_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination

_ROWS = "rows_at_adoption"
"""Key of the framework's own state: the rows of a table that was adopted and has not been loaded since."""


def remember_rows(pipeline: TablePipeline, rows: int) -> None:
    """Stores the number of rows of a table that is being adopted."""
    with pipeline.dlt.managed_state() as state:
        state.setdefault("sources", {}).setdefault(OWN_STATE, {})[_ROWS] = rows


def find_rows(pipeline: TablePipeline) -> int | None:
    """Returns the rows that a table had when it was adopted, None if it was not, or has been loaded since."""
    rows: int | None = pipeline.dlt.state.get("sources", {}).get(OWN_STATE, {}).get(_ROWS)
    return rows


def refuse_rows_since_adoption(
    task: Task, pipeline: TablePipeline, warehouse: Callable[[], AbstractContextManager[Destination]]
) -> bool:
    """Refuses the first append after an adoption if the table has other rows than then.

    The rows that the other program has added lie behind the cursor that was carried over, so they would come twice. A
    merge and a replace load each row once. Returns True for the first load after an adoption.

    Args:
        task: The resource, with what its code declares.
        pipeline: The pipeline of its table, synchronised.
        warehouse: Opens the warehouse.

    Raises:
        LoadError: The table has other rows.
    """
    if (rows := find_rows(pipeline)) is None:
        return False
    pipeline.on_extracted.append(_forget_rows)
    if task.resource.write_disposition.disposition != "append":
        return True
    with warehouse() as destination, connect(destination, pipeline.dataset) as client:
        now = count_rows(client, pipeline.table)
    if now != rows:
        message = (
            f"table {pipeline.table} had {rows:,} rows when it was adopted, and has {now:,}: another program has "
            "written to it since, and an append would add the same rows again; nothing was read. Stop that program, "
            f"then run `foundation adopt {task.source.name}.{task.resource.table}` again, as before"
        )
        raise LoadError(message)
    return True


def _forget_rows(states: dict[str, Any]) -> None:
    states.get(OWN_STATE, {}).pop(_ROWS, None)
