"""Records loads that ran outside Dagster in Dagster's event log, so that the UI shows them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import Engine, event

from data_foundation.checks.run import is_declared
from data_foundation.orchestration.asset_checks import check_evaluation
from data_foundation.orchestration.asset_keys import AssetKeys, default_keys, load_asset_keys
from data_foundation.orchestration.history.private_files import keep_private
from data_foundation.orchestration.materialization import landed_results
from data_foundation.orchestration.partitions import covered_partitions, time_partitions
from data_foundation.orchestration.runless.models import build_model_events

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome
    from data_foundation.warehouses.base import Warehouse

Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def record(root: Path, warehouse: Warehouse, outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> int:
    """Records the materialization of each table and model that was built, and the results of checks and dbt tests.

    Upstream assets come first: Dagster shows an asset as outdated if its upstream was recorded after it. Samples are
    left out: they land beside their tables.

    Args:
        root: The repository; the translator in its `definitions.py` decides the asset keys.
        warehouse: The warehouse in which dbt has built the models.
        outcomes: The outcomes of the loads.
        models: The results of `dbt build`.

    Returns:
        The number of recorded events.

    Raises:
        FoundationError: `definitions.py` cannot be run.
        dagster.DagsterHomeNotSetError: DAGSTER_HOME is not set.
    """
    keys = load_asset_keys(root)
    outcomes = [outcome for outcome in outcomes if not outcome.task.options.is_sample]
    recorded = 0
    with _fewer_flushes(), dg.DagsterInstance.get() as instance:
        keep_private(instance.root_directory)
        for outcome in _parents_first(outcomes):
            for landed in (*_landed(outcome, keys, instance), *_checked(outcome, keys)):
                instance.report_runless_asset_event(landed)
                recorded += 1
        for built in build_model_events(root, warehouse, keys, models) if models else ():
            instance.report_runless_asset_event(built)
            recorded += 1
    return recorded


@contextmanager
def _fewer_flushes() -> Iterator[None]:
    """Lets SQLite flush its journal to disk at checkpoints only: a first run may record thousands of partitions.

    If the machine loses power, the newest events are lost, and no file is damaged.
    """

    def relax(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)


def _parents_first(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """Yields the outcomes; each comes after that of the resource whose items it takes."""
    by_destination = {outcome.task.resource.destination: outcome for outcome in outcomes}
    parents = {name: outcome.task.source.find_parent(outcome.task.resource) for name, outcome in by_destination.items()}
    graph = {name: [parent.destination] if parent else [] for name, parent in parents.items()}
    order = TopologicalSorter(graph).static_order()
    yield from (by_destination[name] for name in order if name in by_destination)


def _landed(outcome: Outcome, keys: AssetKeys, instance: dg.DagsterInstance) -> Iterator[Event]:
    """Yields the events of the tables that a load has filled."""
    if outcome.result is None:
        return
    resource = outcome.task.resource
    covered = covered_partitions(outcome.task, outcome.result.cursor[0]) if resource.partitions else []
    for landed in landed_results(resource, outcome.result, [keys.find(key) for key in default_keys(resource)]):
        assert landed.asset_key  # noqa: S101 - it is always set
        if covered:
            yield from _partitions(landed, resource, covered, instance)
        elif resource.partitions:
            # The table has changed, but no partition of it is complete.
            yield dg.AssetObservation(landed.asset_key, metadata=landed.metadata)
        else:
            yield dg.AssetMaterialization(landed.asset_key, metadata=landed.metadata)


def _partitions(
    landed: dg.MaterializeResult[Any], resource: ResourceConfig, covered: Sequence[str], instance: dg.DagsterInstance
) -> Iterator[dg.AssetMaterialization]:
    """Yields the materialization of each covered partition that is not filled yet, and of the newest.

    The metadata describes the load as a whole, so only the newest partition has it.
    """
    assert landed.asset_key  # noqa: S101 - it is always set
    assert resource.partitions  # noqa: S101 - the caller's condition
    *older, newest = covered
    statuses = instance.get_status_by_partition(landed.asset_key, older, time_partitions(resource.partitions)) or {}
    for key in older:
        status = statuses.get(key)
        if status is None or status.value != "MATERIALIZED":
            yield dg.AssetMaterialization(landed.asset_key, partition=key)
    metadata = {**(landed.metadata or {}), "partitions_loaded": len(covered)}
    yield dg.AssetMaterialization(landed.asset_key, metadata=metadata, partition=newest)


def _checked(outcome: Outcome, keys: AssetKeys) -> Iterator[dg.AssetCheckEvaluation]:
    table, *_ = default_keys(outcome.task.resource)
    for check in (check for check in outcome.checks if is_declared(outcome.task.resource, check)):
        yield check_evaluation(keys.find(table), check)
