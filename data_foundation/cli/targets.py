"""The sources and tables that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from data_foundation.cli.consoles import print_problems
from data_foundation.errors import ConfigError, FoundationError
from data_foundation.project.root import find_root

if TYPE_CHECKING:
    from data_foundation.loading.task import Task
    from data_foundation.project.find_sources import BrokenSource, FoundSource


def read_sources() -> tuple[list[FoundSource], list[BrokenSource]]:
    """Returns the sources of the project, those in order and those that are broken."""
    from data_foundation.project.find_sources import find_sources
    from data_foundation.warehouses.settings import read_settings

    read_settings(find_root())  # a source's definitions.py may read them, and secrets are masked in its output
    return find_sources(find_root())


def tasks_of(target: str | None) -> list[Task]:
    """Returns a task for each resource that `target` names; for all if there is none."""
    from data_foundation.local.selection import select_tasks

    return select_tasks([target] if target else [], *read_sources())


def sound_tasks(target: str | None) -> tuple[list[Task], bool]:
    """Returns the tasks that `target` names, and whether a broken source is not among them; prints its errors.

    Raises:
        FoundationError: The target is a broken source, or nothing.
    """
    from data_foundation.local.selection import select_tasks

    sources, broken = read_sources()
    tasks = select_tasks([target] if target else [], sources, broken)
    if target:
        return tasks, False
    print_problems([problem for source in broken for problem in source.problems])
    return tasks, bool(broken)


def refuse_unknown(target: str) -> None:
    """Ends the command with a usage error if there is no source, table or job id of this name."""
    try:
        tasks_of(target)
    except ConfigError:
        return  # a broken source
    except FoundationError as error:
        raise typer.BadParameter(str(error)) from None


def asset_of(target: str | None) -> str | None:
    """Returns the asset of a job id, or else `target`, which may be a table that is no longer configured."""
    assets = [task.resource.destination for task in tasks_of(None) if task.resource.job_id == target] if target else []
    return assets[0] if assets else target
