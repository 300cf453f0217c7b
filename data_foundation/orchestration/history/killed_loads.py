"""Records the loads of runs whose process is gone in the audit trail, whatever machine it was on.

A killed process records nothing, and the disk on which its machine would notice may be gone with it. The next run of
the table records it (`audit.starts`); Dagster's record of the failed run does so earlier, also if no run follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from data_foundation.audit.read import read_run
from data_foundation.audit.write import Attempt, killed_id, record
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import WarehouseError
from data_foundation.orchestration.translator import ResourceAssets
from data_foundation.warehouses.base import Warehouse

SENSOR_NAME = "killed_loads"
SECONDS = 60
"""Interval of the evaluations; each asks Dagster's storage for runs that have failed since the last one."""

CRASHED = "ChildProcessCrashException"
"""Dagster's error of a step whose process is gone while its run goes on."""

EVENT_TYPES = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
}


def build_killed_loads_sensor(
    resources: Sequence[ResourceAssets], warehouse: Warehouse, part: str = ""
) -> dg.SensorDefinition:
    """Returns the sensor; it is running by default.

    Args:
        resources: The assets of all resources.
        warehouse: The warehouse of the audit trail.
        part: Name of the part of the code location, with which the name begins.
    """
    tables = {assets.table.key: assets for assets in resources}

    @dg.run_failure_sensor(
        name=f"{part}_{SENSOR_NAME}" if part else SENSOR_NAME,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records the loads of a run whose process was killed in the audit trail.",
    )
    def killed_loads(context: dg.RunFailureSensorContext) -> None:
        record_killed(context.instance, context.dagster_run.run_id, tables, warehouse)

    return killed_loads


def record_killed(
    instance: dg.DagsterInstance, run_id: str, tables: Mapping[dg.AssetKey, ResourceAssets], warehouse: Warehouse
) -> None:
    """Records every load of a failed run that has no end: it is `killed`.

    A load that its machine has recorded meanwhile, or records later, stays one row. A table that still waited in its
    step counts as killed. Nothing is recorded where each machine has a trail of its own, as over a lake: what has
    landed on another machine is not known there.

    Args:
        instance: The instance whose event log contains the run.
        run_id: The run.
        tables: The resources of the code location by asset key.
        warehouse: The warehouse of the audit trail.

    Raises:
        WarehouseError: The warehouse cannot be read; nothing is recorded.
    """
    if not (warehouse.is_audited and warehouse.keeps_audit):
        return
    begun = dict(_find_begun(instance, run_id))
    dead = [(tables[key], started) for key, started in begun.items() if key in tables]
    if not dead:
        return
    trail = read_run(warehouse, run_id)
    if trail.unreachable:
        message = f"the killed loads of run {run_id} are not recorded: {trail.unreachable}"
        raise WarehouseError(message)
    recorded = {attempt.asset for attempt in trail.attempts}
    for assets, started in dead:
        asset = str(table_name_of(assets.data.resource))
        if asset not in recorded:
            source, identity = assets.data.source.name, killed_id(run_id, asset)
            record(warehouse, Attempt(asset, source, run_id, 1, "killed", started, id=identity))


def _find_begun(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[dg.AssetKey, datetime]]:
    """Yields the assets of steps that have begun and whose process has not ended them, with the steps' begin."""
    started: dict[str, datetime] = {}
    planned: dict[str, list[dg.AssetKey]] = {}
    for entry in instance.all_logs(run_id, EVENT_TYPES):
        event = entry.dagster_event
        if event is None or event.step_key is None:
            continue
        if event.is_asset_materialization_planned and event.asset_key:
            planned.setdefault(event.step_key, []).append(event.asset_key)
        elif event.is_step_start:
            started[event.step_key] = datetime.fromtimestamp(entry.timestamp, UTC)
        elif not (event.is_step_failure and _is_crash(event)):
            started.pop(event.step_key, None)
    for step, moment in started.items():
        yield from ((key, moment) for key in planned.get(step, ()))


def _is_crash(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error
    return error is not None and error.cls_name == CRASHED
