"""Records loads that ran outside Dagster in Dagster's event log, so that the UI shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from data_foundation.checks.run import is_declared
from data_foundation.orchestration.asset_checks import check_evaluation
from data_foundation.orchestration.asset_keys import AssetKeys, default_keys, load_asset_keys
from data_foundation.orchestration.materialization import landed_results

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome


def record(root: Path, outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> int:
    """Records the materialization of each table that landed, its check results, and each dbt model that was built.

    Samples are left out: they land beside their tables.

    Args:
        root: The repository; the translator in its `definitions.py` decides the asset keys.
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
    with dg.DagsterInstance.get() as instance:
        events: list[dg.AssetMaterialization | dg.AssetCheckEvaluation]
        events = [*_landed(outcomes, keys), *_checked(outcomes, keys), *_built(models)]
        for event in events:
            instance.report_runless_asset_event(event)
    return len(events)


def _landed(outcomes: Sequence[Outcome], keys: AssetKeys) -> Iterator[dg.AssetMaterialization]:
    for outcome in outcomes:
        resource = outcome.task.resource
        own = [keys.find(key) for key in default_keys(resource)]
        for result in landed_results(resource, outcome.result, own) if outcome.result else ():
            assert result.asset_key  # noqa: S101 - it is always set
            yield dg.AssetMaterialization(result.asset_key, metadata=result.metadata)


def _checked(outcomes: Sequence[Outcome], keys: AssetKeys) -> Iterator[dg.AssetCheckEvaluation]:
    for outcome in outcomes:
        table, *_ = default_keys(outcome.task.resource)
        for check in (check for check in outcome.checks if is_declared(outcome.task.resource, check)):
            yield check_evaluation(keys.find(table), check)


def _built(models: Sequence[ModelResult]) -> Iterator[dg.AssetMaterialization]:
    for model in models:
        if model.succeeded and "." in model.name:
            metadata = {"dagster/row_count": model.rows} if model.rows is not None else {}
            yield dg.AssetMaterialization(dg.AssetKey(model.name.split(".")), metadata=metadata)
