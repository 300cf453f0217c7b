"""Which resources a command means."""

from __future__ import annotations

from collections.abc import Sequence

from data_foundation.errors import ConfigError, FoundationError
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.find_sources import BrokenSource, FoundSource
from data_foundation.suggestions import nearest


def select_tasks(
    targets: Sequence[str],
    found: Sequence[FoundSource],
    broken: Sequence[BrokenSource],
    options: LoadOptions | None = None,
) -> list[Task]:
    """Returns a task for every resource that `targets` name; all where there are none.

    Args:
        targets: Each a source, source.table, dataset.table or job id.
        found: The sources that there are.
        broken: Those whose files say something that cannot be accepted.
        options: What is asked of each load.

    Raises:
        ConfigError: A target names a broken source.
        FoundationError: A target names nothing.
    """
    options = options or LoadOptions()
    tasks = {r.destination: Task(s.config, r, options) for s in found for r in s.config.resources}
    names = {destination: f"{task.source.name}.{task.resource.table}" for destination, task in tasks.items()}
    if not targets:
        return list(tasks.values())
    selected: dict[str, Task] = {}
    for target in targets:
        if unusable := next((source for source in broken if source.name == target.split(".")[0]), None):
            raise ConfigError(unusable.problems)
        matching = {
            destination: task
            for destination, task in tasks.items()
            if target in (destination, names[destination], task.source.name, task.job_id)
        }
        if not matching:
            accepted = [
                *(source.config.name for source in found),
                *names.values(),
                *(task.job_id for task in tasks.values()),
            ]
            message = f"there is no '{target}'{nearest(target, accepted)}; `foundation list` shows what there is"
            raise FoundationError(message)
        selected |= matching
    return list(selected.values())
