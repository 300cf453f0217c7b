"""Runs an op: loads the selected resources in parallel, and yields their results to Dagster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import is_declared
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import child_table_of, further_table_of
from data_foundation.errors import LoadStopped
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.progress import Progress
from data_foundation.loading.read_back import check_table
from data_foundation.loading.result import LoadResult
from data_foundation.loading.task import Task
from data_foundation.orchestration.asset_checks import check_evaluation, check_result
from data_foundation.orchestration.materialization import by_partition, landed_results
from data_foundation.orchestration.ops.launchpad import build_tasks, has_partitions
from data_foundation.orchestration.ops.stop import obeying
from data_foundation.orchestration.translator import ResourceAssets
from data_foundation.warehouses.base import Warehouse

PROGRESS_SECONDS = 5.0
"""Interval between progress lines of a load in the event log."""

ENDS = ("done", "failed", "stopped")
"""Terminal phases."""


def ingest_resources(
    context: dg.AssetExecutionContext, members: Sequence[ResourceAssets], warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetObservation | dg.AssetCheckResult]:
    """Loads the selected resources in parallel, and yields materializations and check results as each one lands.

    Checks that are selected without their table are run on the current table. A run with a limit materializes and
    checks nothing: its rows are samples beside the tables. A stop of the run ends the loads; those
    that had begun their commit are materialised.

    Args:
        context: The context of the op's run; its config is an `IngestConfig`.
        members: The resources of the op.
        warehouse: The warehouse to load into.

    Raises:
        dagster.Failure: At the beginning, if a parameter of the run has no effect; at the end, with the cause for each
            resource that failed.
    """
    selected = [assets for assets in members if not context.selected_asset_keys.isdisjoint(assets.keys)]
    tasks = build_tasks(context, members, selected)
    by_destination = {task.resource.destination: assets for task, assets in zip(tasks, selected, strict=True)}
    failed: dict[str, str] = {}
    for assets in (assets for assets in members if assets not in selected and _check_keys(context, assets)):
        yield from _check_results(context, assets, check_table(assets.data.resource, warehouse))
    was_stopped = False
    for outcome in _outcomes(context, tasks, warehouse, by_destination):
        assets = by_destination[outcome.task.resource.destination]
        if outcome.result and outcome.task.options.is_sample:
            yield from _sample_results(context, assets, outcome.result)
        elif outcome.result:
            yield from _results(context, assets, outcome.result)
        else:
            context.log.log("WARNING" if isinstance(outcome.error, LoadStopped) else "ERROR", str(outcome.error))
        if cause := _cause(outcome.task.resource, outcome):
            failed[outcome.task.resource.destination] = cause
        was_stopped |= isinstance(outcome.error, LoadStopped)
        if not outcome.task.options.is_sample:
            yield from _check_results(context, assets, outcome.checks)
    if failed:
        landed = "; the others landed" if len(failed) < len(selected) else ""
        listed = "\n".join(f"- {name}: {cause}" for name, cause in failed.items())
        ended = "failed or were stopped" if was_stopped else "failed"
        summary = (
            f"{len(failed)} of {len(selected)} resources of {selected[0].data.source.name} {ended}{landed}:\n{listed}"
        )
        raise dg.Failure(summary, metadata=failed, allow_retries=not was_stopped)


def _outcomes(
    context: dg.AssetExecutionContext,
    tasks: Sequence[Task],
    warehouse: Warehouse,
    by_destination: Mapping[str, ResourceAssets],
) -> Iterator[Outcome]:
    """Yields the outcome of each task, and writes progress to the event log."""
    log = _ProgressLog(context.log)
    with obeying() as stop:
        for event in _parents_first(load_side_by_side(tasks, warehouse, stop), by_destination):
            if isinstance(event, Progress):
                log.show(event)
            else:
                yield event


def _cause(resource: ResourceConfig, outcome: Outcome) -> str:
    """Returns why a resource fails the step, "" if it does not. Declared checks fail as asset checks, not here."""
    if isinstance(outcome.error, LoadStopped):
        return str(outcome.error)
    if outcome.error:
        return f"{type(outcome.error).__name__}: {outcome.error}"
    failed = [check for check in outcome.checks if check.blocks and not is_declared(resource, check)]
    advice = "; set `checks: {complete: block}` to report this as an asset check, or `warn` to let the run succeed"
    return "".join(f"landed, but {check.message}{advice}" for check in failed)


def _parents_first(
    events: Iterable[Progress | Outcome], by_destination: Mapping[str, ResourceAssets]
) -> Iterator[Progress | Outcome]:
    """Yields the events; each outcome comes after those of the resources it depends on, as Dagster requires."""
    parents = _parents(by_destination)
    ended: set[str] = set()
    held: list[Outcome] = []
    for event in events:
        if isinstance(event, Progress):
            yield event
            continue
        held.append(event)
        while ready := next((outcome for outcome in held if parents[outcome.task.resource.destination] <= ended), None):
            held.remove(ready)
            yield ready
            ended.add(ready.task.resource.destination)


def _parents(by_destination: Mapping[str, ResourceAssets]) -> dict[str, set[str]]:
    """Returns for each selected destination the other selected destinations that its assets depend on."""
    owners = {key: name for name, assets in by_destination.items() for key in assets.keys}
    parents = {}
    for name, assets in by_destination.items():
        deps = {dep.asset_key for spec in assets.specs for dep in spec.deps}
        parents[name] = {owners[key] for key in deps & owners.keys()} - {name}
    return parents


def _results(
    context: dg.AssetExecutionContext, assets: ResourceAssets, result: LoadResult
) -> Iterator[dg.MaterializeResult[Any]]:
    resource = assets.data.resource
    for warning in result.warnings:
        context.log.warning("%s: %s", result.destination, warning)
    for child in resource.child_tables:
        table = child_table_of(resource, child)
        if table.table not in result.children:
            context.log.warning("%s: nested table does not exist yet: no row has contained '%s'", table, child)
    for name in resource.tables:
        further = further_table_of(resource, name)
        if further.table not in result.further:
            context.log.warning("%s: table does not exist yet: no row was for '%s'", further, name)
    yield from _materializations(context, assets, result)


def _materializations(
    context: dg.AssetExecutionContext, assets: ResourceAssets, result: LoadResult
) -> Iterator[dg.MaterializeResult[Any]]:
    """Yields the materializations of the selected tables, and records those of the other tables of the resource."""
    for landed in landed_results(assets.data.resource, result, assets.keys):
        assert landed.asset_key  # noqa: S101 - it is always set
        rows = result.rows_by_partition if landed.asset_key == assets.table.key else ()
        parts = by_partition(landed, _partition_keys(context), rows)
        if landed.asset_key not in context.selected_asset_keys:
            # All tables of a resource land together: record the ones that the run did not select, as they changed too.
            for partition, metadata in parts.items():
                context.log_event(dg.AssetMaterialization(landed.asset_key, metadata=metadata, partition=partition))
        elif len(parts) == 1:
            yield landed
        else:
            for partition, metadata in parts.items():
                context.add_asset_metadata(metadata, landed.asset_key, partition)
            yield dg.MaterializeResult(asset_key=landed.asset_key)


def _sample_results(
    context: dg.AssetExecutionContext, assets: ResourceAssets, result: LoadResult
) -> Iterator[dg.AssetObservation]:
    """Yields a sample as an observation: the table has not changed, so nothing downstream of it may run."""
    for warning in result.warnings:
        context.log.warning("%s: %s", result.destination, warning)
    context.log.info(
        "%s: a sample, the table is as it was: %d rows in %s",
        assets.data.resource.destination,
        result.rows,
        result.table,
    )
    metadata: dict[str, Any] = {"sample_rows": result.rows, "sample_table": result.table}
    yield dg.AssetObservation(assets.table.key, metadata=metadata)


def _check_keys(context: dg.AssetExecutionContext, assets: ResourceAssets) -> set[dg.AssetCheckKey]:
    """Returns the keys of a resource's checks that this run has selected."""
    return {key for key in context.selected_asset_check_keys if key.asset_key == assets.table.key}


def _check_results(
    context: dg.AssetExecutionContext, assets: ResourceAssets, outcomes: Sequence[CheckOutcome]
) -> Iterator[dg.AssetCheckResult]:
    selected = {key.name for key in _check_keys(context, assets)}
    for outcome in outcomes:
        if not outcome.passed:
            log = context.log.error if outcome.blocks else context.log.warning
            log("%s: check %s failed: %s", assets.data.resource.destination, outcome.name, outcome.message)
        if outcome.name in selected:
            yield check_result(assets.table.key, outcome)
        elif is_declared(assets.data.resource, outcome):
            # Recorded for the same reason as a table that the run did not select.
            context.log_event(check_evaluation(assets.table.key, outcome))


def _partition_keys(context: dg.AssetExecutionContext) -> Sequence[str | None]:
    """Returns the partition keys of this run, or [None] if it has no partitions."""
    return context.partition_keys if has_partitions(context) else [None]


class _ProgressLog:
    """Writes the end and the notes of each load to the event log, and its phase and rows every few seconds."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._logged_at: dict[str, float] = {}

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        logged_at = self._logged_at.setdefault(progress.destination, now)
        if progress.note:
            self._log.log(progress.level, f"{progress.destination}: {progress.note}")
        elif progress.phase in ENDS or now - logged_at > PROGRESS_SECONDS:
            self._log.info(f"{progress.destination}: {progress.phase}, {progress.rows:,} rows")
        else:
            return
        self._logged_at[progress.destination] = now
