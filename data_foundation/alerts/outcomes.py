"""Finds the events in the outcomes of loads, and in a changed schema."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data_foundation.alerts.events import Event
from data_foundation.checks.run import is_declared
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadStopped

if TYPE_CHECKING:
    from data_foundation.loading.parallel import Outcome
    from data_foundation.project.find_sources import BrokenSource

_KINDS = {"added": "new", "variant": "values of another type, in new columns", "widened": "changed"}


def find_events(outcomes: Iterable[Outcome]) -> Iterator[Event]:
    """Yields the failures, failed blocking checks and changed schemas of a run; a stopped load is none of them."""
    for outcome in outcomes:
        yield from _of_outcome(outcome)


def find_broken(broken: Iterable[BrokenSource]) -> Iterator[Event]:
    """Yields a failure for each source folder that is broken."""
    for source in broken:
        problems = "; ".join(map(str, source.problems))
        yield Event("failure", source.name, problems, source.name, "none of its tables can be loaded: correct the file")


def _of_outcome(outcome: Outcome) -> Iterator[Event]:
    resource, source = outcome.task.resource, outcome.task.source.name
    table = str(table_name_of(resource))
    if outcome.error and not isinstance(outcome.error, LoadStopped):
        yield Event.of_error(table, f"{type(outcome.error).__name__}: {outcome.error}", source)
    for check in outcome.checks:
        if check.blocks and is_declared(resource, check):
            yield Event("blocking_check", table, f"{check.name}: {check.message}", source)
        elif check.blocks:
            yield Event("failure", table, f"landed, but {check.message}", source)
    if (result := outcome.result) and (drift := describe_drift(table, result.by_table(result.changes), result.columns)):
        yield Event("schema_drift", table, drift, source)


def describe_drift(table: str, changes: Mapping[str, Mapping[str, Any]], columns: Collection[str]) -> str:
    """Returns the changes of a table and its nested tables in words, "" if there are none or the table is new.

    Args:
        table: dataset.table.
        changes: `LoadResult.changes` by dataset.table.
        columns: The columns of the resource's table.
    """
    added = [name for kinds in changes.values() for kind in ("added", "variant") for name in kinds.get(kind, ())]
    if columns and set(columns) <= set(added):
        return ""
    return "; ".join(
        ("" if name == table else f"{name}: ") + "; ".join(_describe(kind, names) for kind, names in kinds.items())
        for name, kinds in changes.items()
    )


def _describe(kind: str, names: Mapping[str, str] | Sequence[str]) -> str:
    """Returns the columns of one kind of change; those that were changed with what has changed."""
    listed = [f"{name} ({change})" for name, change in names.items()] if isinstance(names, Mapping) else names
    return f"{_KINDS[kind]}: {', '.join(listed)}"
