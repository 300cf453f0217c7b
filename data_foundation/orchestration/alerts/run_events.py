"""Finds what happened to tables in the event log of a run of Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from data_foundation.alerts.events import Event
from data_foundation.alerts.outcomes import describe_drift

WILL_RETRY = "dagster/will_retry"
"""Dagster's tag of a failed run that it starts again."""

EVENT_TYPES = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
}


@dataclass(frozen=True)
class Table:
    """A table whose runs are reported.

    Attributes:
        name: dataset.table, as the warehouse spells it.
        source: Its source.
    """

    name: str
    source: str


@dataclass(frozen=True)
class Tables:
    """The tables of the code location.

    Attributes:
        by_key: The table of a resource, by its asset key.
        by_destination: The same, by the destination that `sources.yaml` names.
        aged: Those with `freshness`.
        broken: Names of the folders of broken sources, by the step that fails with their errors.
    """

    by_key: Mapping[dg.AssetKey, Table] = field(default_factory=dict)
    by_destination: Mapping[str, Table] = field(default_factory=dict)
    aged: Sequence[Table] = ()
    broken: Mapping[str, str] = field(default_factory=dict)

    def find_source(self, step: str) -> str:
        """Returns the source that a step loads, "" if it loads none."""
        names = {table.source for table in self.by_key.values()}
        # The op of a partitioning has the source's name, and more.
        loaded = [name for name in names if step == name or step.startswith(f"{name}__")]
        return self.broken.get(step) or max(loaded, key=len, default="")


@dataclass(frozen=True)
class RunEvents:
    """What happened in one run.

    Attributes:
        events: What the event log shows.
        empty: Tables that loaded no row.
    """

    events: list[Event]
    empty: list[Table]


def read_run(instance: dg.DagsterInstance, run: dg.DagsterRun, tables: Tables) -> RunEvents:
    """Returns the events of a run that has ended; no failures if Dagster starts it again.

    Args:
        instance: The instance whose event log contains the run.
        run: The run.
        tables: The tables of the code location.
    """
    logged = [entry.dagster_event for entry in instance.all_logs(run.run_id, EVENT_TYPES) if entry.dagster_event]
    landed = list(_materializations(logged, tables))
    events = [*_checks(logged, tables), *_drift(landed)]
    if run.status == dg.DagsterRunStatus.FAILURE and run.tags.get(WILL_RETRY) != "true":
        events += list(_failed_steps(logged, tables)) or list(_failed_run(run, logged, tables))
    empty = [table for table, metadata in landed if metadata.get("rows_loaded") == dg.IntMetadataValue(0)]
    return RunEvents(events, empty)


def _materializations(
    logged: Iterable[dg.DagsterEvent], tables: Tables
) -> Iterator[tuple[Table, Mapping[str, dg.MetadataValue[Any]]]]:
    """Yields the tables of resources that were loaded, with their metadata; each once, whatever the partitions."""
    found = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in logged
        if event.is_step_materialization and event.asset_key in tables.by_key
    }
    yield from ((tables.by_key[key], metadata) for key, metadata in found.items() if key)


def _drift(landed: Iterable[tuple[Table, Mapping[str, dg.MetadataValue[Any]]]]) -> Iterator[Event]:
    for table, metadata in landed:
        changes, schema = metadata.get("schema_changes"), metadata.get("dagster/column_schema")
        columns = [column.name for column in schema.value.columns] if schema else []
        if changes and (text := describe_drift(table.name, changes.value, columns)):
            yield Event("schema_drift", table.name, text, table.source)


def _checks(logged: Iterable[dg.DagsterEvent], tables: Tables) -> Iterator[Event]:
    """Yields the blocking checks that failed, those of dbt models included."""
    found = {}
    for event in logged:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            found[evaluation.asset_check_key] = evaluation
    for key, check in found.items():
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            table = tables.by_key.get(key.asset_key, Table(".".join(key.asset_key.path), ""))
            cause = f"{key.name}: {check.description}" if check.description else key.name
            yield Event("blocking_check", table.name, cause, table.source)


def _failed_steps(logged: Iterable[dg.DagsterEvent], tables: Tables) -> Iterator[Event]:
    """Yields a failure for each resource that failed a step, or for a step that loads no resources."""
    for event in logged:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
        known = [name for name in metadata if name in tables.by_destination]
        for name in known:
            table = tables.by_destination[name]
            yield Event.of_error(table.name, str(metadata[name].value), table.source)
        if not known:
            step, source = str(event.step_key), tables.find_source(str(event.step_key))
            cause = failure.error_display_string if failure.error else "the step failed"
            yield Event.of_error(source or step, _first_words(cause), source)


def _failed_run(run: dg.DagsterRun, logged: Iterable[dg.DagsterEvent], tables: Tables) -> Iterator[Event]:
    """Yields a failure for each source of a run without a failed step, for instance because its process was killed."""
    reasons = [event.message or "" for event in logged if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    cause = "; ".join(filter(None, reasons)) or "the run failed"
    names: dict[str, list[str]] = {}
    for key in sorted(run.asset_selection or (), key=lambda key: key.path):
        if table := tables.by_key.get(key):
            names.setdefault(table.source, []).append(table.name)
    for source, members in names.items():
        yield Event("failure", members[0] if len(members) == 1 else source, cause, source)
    if not names:
        yield Event("failure", run.job_name, cause)


def _first_words(text: str) -> str:
    """Returns an error without its stack trace."""
    return text.partition("\nStack Trace:")[0]
