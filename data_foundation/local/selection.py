"""Selects resources by the names that a command receives."""

from __future__ import annotations

from collections.abc import Sequence

from data_foundation.config.table_names import table_name_of
from data_foundation.errors import ConfigError, FoundationError
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.find_sources import BrokenSource, FoundSource
from data_foundation.suggestions import nearest


def select_tasks(
    targets: Sequence[str],
    sources: Sequence[FoundSource],
    broken: Sequence[BrokenSource],
    options: LoadOptions | None = None,
) -> list[Task]:
    """Returns a task for every resource that `targets` name, or for all resources if there are no targets.

    Args:
        targets: Names, each a source, source.table, dataset.table or job id; a table as it is configured or as the
            warehouse spells it.
        sources: The valid sources.
        broken: The sources whose configuration has errors.
        options: Options of each load.

    Raises:
        ConfigError: A target names a broken source.
        FoundationError: A target matches no resource.
    """
    options = options or LoadOptions()
    tasks = {r.destination: Task(s.config, r, options) for s in sources for r in s.config.resources}
    names = {destination: f"{task.source.name}.{task.resource.table}" for destination, task in tasks.items()}
    spelled = {destination: table_name_of(task.resource) for destination, task in tasks.items()}
    if not targets:
        return list(tasks.values())
    selected: dict[str, Task] = {}
    for target in targets:
        if broken_source := next((source for source in broken if source.name == target.split(".")[0]), None):
            raise ConfigError(broken_source.problems)
        matching = {
            destination: task
            for destination, task in tasks.items()
            if target in (destination, names[destination], task.source.name, task.job_id)
            or target in (str(spelled[destination]), f"{task.source.name}.{spelled[destination].table}")
        }
        if any(source.config.name == target and not source.config.resources for source in sources):
            raise FoundationError(f"target '{target}': all of its resources have `enabled: false`; remove it from one")
        if not matching:
            candidates = [
                *(source.config.name for source in sources),
                *names.values(),
                *(task.job_id for task in tasks.values()),
            ]
            raise FoundationError(
                f"target '{target}': no such source, table or job id; see `foundation list`"
                f"{nearest(target, candidates)}"
            )
        selected |= matching
    return list(selected.values())
