"""The dlt resource of a task, as a load builds it."""

from __future__ import annotations

from dlt.extract import DltResource

from data_foundation.loading.entries.dlt_resource import Call, build_entry, configure
from data_foundation.loading.ranges.load_range import LoadRange
from data_foundation.loading.siblings.built_sources import BuiltSources
from data_foundation.loading.task import Task
from data_foundation.project.effective import find_effective

_WITHOUT_RANGE = Call(LoadRange(), {})


def build(task: Task, call: Call = _WITHOUT_RANGE) -> DltResource:
    """Returns the resource of a task with all of its hints, ready to be extracted."""
    built = build_entry(task.source, task.resource, call, BuiltSources())
    effective = find_effective(task.resource, built)
    return configure(built, task.resource, effective, task.source, call.load_range)
