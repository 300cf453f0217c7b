"""Checks whole tables without a load, for `foundation check-data`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data_foundation.loading.read_back import check_table

if TYPE_CHECKING:
    from data_foundation.checks.rules import CheckOutcome
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Warehouse


def check_tables(tasks: Sequence[Task], warehouse: Warehouse) -> Iterator[tuple[str, CheckOutcome]]:
    """Yields each outcome of the checks of each table, with its destination; every row of the table is read.

    Args:
        tasks: The resources whose tables are checked.
        warehouse: The default warehouse.

    Raises:
        WarehouseError: The warehouse cannot be used.
        SettingMissing: A setting is not set; the message names it.
    """
    for task in tasks:
        for outcome in check_table(task.resource.configured, warehouse):
            yield task.resource.destination, outcome
