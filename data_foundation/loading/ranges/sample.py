"""A sample of a resource: it lands in a dataset of its own, so that the table keeps all of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.task import Task

SUFFIX = "__sample"
"""What the dataset of a sample ends in, and in a lake its folder."""


def beside_table(task: Task) -> Task:
    """Returns the task that loads a sample beside its table, if the run has a limit; else the task as it is.

    The sample takes the place of the last sample. The table, its cursor and its pending loads are not touched.
    """
    if not task.options.is_sample:
        return task
    return replace(task, resource=_moved(task.resource), options=replace(task.options, refresh="drop"))


def _moved(resource: ResourceConfig) -> ResourceConfig:
    """Returns a resource whose dataset is that of samples; a vault's rows go to a plain table."""
    update: dict[str, Any] = {
        "destination": f"{resource.dataset}{SUFFIX}.{resource.table}",
        "landing": "table",
    }
    if place := resource.lake:
        update["lake"] = place.model_copy(update={"folder": f"{place.folder}{SUFFIX}"})
    moved = resource.model_copy(update=update)
    return moved if resource.configured is resource else moved.with_configured(_moved(resource.configured))
