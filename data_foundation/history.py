"""What landed outside Dagster written into Dagster's history, so that the UI knows of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from data_foundation.asset_checks import check_evaluation
from data_foundation.checks import is_declared
from data_foundation.materialization import landed_results
from data_foundation.table_names import child_key, table_key

if TYPE_CHECKING:
    from data_foundation.dbt_run import ModelResult
    from data_foundation.grammar import ResourceConfig
    from data_foundation.runner import Outcome


def record(outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> int:
    """Reports every asset that landed, how its checks came out, and every model that was built.

    Returns:
        How many events were reported.

    Raises:
        dagster.DagsterHomeNotSetError: There is no DAGSTER_HOME whose history could be written.
    """
    with dg.DagsterInstance.get() as instance:
        events: list[dg.AssetMaterialization | dg.AssetCheckEvaluation]
        events = [*_landed(outcomes), *_checked(outcomes), *_built(models)]
        for event in events:
            instance.report_runless_asset_event(event)
    return len(events)


def _landed(outcomes: Sequence[Outcome]) -> Iterator[dg.AssetMaterialization]:
    for outcome in outcomes:
        resource = outcome.task.resource
        for result in landed_results(resource, outcome.result, _keys(resource)) if outcome.result else ():
            assert result.asset_key  # noqa: S101 - it is always set
            yield dg.AssetMaterialization(result.asset_key, metadata=result.metadata)


def _checked(outcomes: Sequence[Outcome]) -> Iterator[dg.AssetCheckEvaluation]:
    for outcome in outcomes:
        for check in (check for check in outcome.checks if is_declared(outcome.task.resource, check)):
            yield check_evaluation(_keys(outcome.task.resource)[0], check)


def _keys(resource: ResourceConfig) -> list[dg.AssetKey]:
    """Returns the asset keys of a resource's table and of its child tables."""
    children = (child_key(resource, child) for child in resource.child_tables)
    return [dg.AssetKey(key) for key in (table_key(resource), *children)]


def _built(models: Sequence[ModelResult]) -> Iterator[dg.AssetMaterialization]:
    for model in models:
        if model.succeeded and "." in model.name:
            metadata = {"dagster/row_count": model.rows} if model.rows is not None else {}
            yield dg.AssetMaterialization(dg.AssetKey(model.name.split(".")), metadata=metadata)
