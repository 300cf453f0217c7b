"""Keeps the tables of a lake fast and small, one resource after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data_foundation.config.table_names import table_name_of
from data_foundation.errors import WarehouseError
from data_foundation.loading.lock import hold
from data_foundation.naming import schema_name
from data_foundation.warehouses.lake.upkeep.settings import Upkeep
from data_foundation.warehouses.lake.warehouse import LakeWarehouse, of_lake

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Warehouse
    from data_foundation.warehouses.lake.upkeep.run import KeptTable


def is_in_lake(task: Task, warehouse: Warehouse) -> bool:
    """Returns True if the table of a resource is a Delta or an Iceberg table of a lake."""
    home = warehouse.serving(task.resource)
    return isinstance(home, LakeWarehouse) and home.format != "parquet"


def optimize(task: Task, warehouse: Warehouse, on_waiting: Callable[[str], None]) -> Sequence[KeptTable]:
    """Puts small files of a resource's tables together, and removes versions that the settings do not keep.

    Args:
        task: The resource.
        warehouse: The default warehouse.
        on_waiting: Called with a message if a run holds the resource.

    Raises:
        WarehouseError: The table is not in a lake, or its format has no versions; a setting is not accepted.
        ResourceBusy: A run loads the table for too long.
    """
    from data_foundation.warehouses.lake.upkeep.run import keep_up  # noqa: PLC0415 - packages of an extra

    home, name = warehouse.serving(task.resource), table_name_of(task.resource)
    if not isinstance(home, LakeWarehouse):
        message = f"{name} is in {home.kind}, which keeps its own files; accepted: a table with `warehouse: lake`"
        raise WarehouseError(message)
    upkeep = Upkeep.of(home.settings)
    # A process that has the turn of a table is taken for dead by one that has this lock.
    with (
        hold(home.work_folder, name.pipeline, task.options.run_id, on_waiting),
        home.open({"run_id": task.options.run_id}) as destination,
    ):
        client = of_lake(destination).client_of(home.dataset(name.dataset), schema_name(name.table))
        return keep_up(client, upkeep)
