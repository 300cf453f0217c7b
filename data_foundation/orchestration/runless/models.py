"""Builds the events of a dbt build that ran outside Dagster: materializations of models, results of tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from data_foundation.dbt.command import command_line_target, read_manifest
from data_foundation.dbt.relations import Relations
from data_foundation.orchestration.dbt_models.assets import ModelTranslator
from data_foundation.orchestration.dbt_models.metadata import ModelMetadata

if TYPE_CHECKING:
    from data_foundation.dbt.command import ModelResult
    from data_foundation.orchestration.asset_keys import AssetKeys
    from data_foundation.warehouses.base import Warehouse

EVALUATED = ("pass", "warn", "fail", "error")
"""The states of tests that dbt has run; the others were skipped."""


def build_model_events(
    root: Path, warehouse: Warehouse, keys: AssetKeys, results: Sequence[ModelResult]
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Yields the materialization of each model that was built, and the result of each test, in the order of the build.

    Args:
        root: The repository.
        warehouse: The warehouse in which dbt has built the models.
        keys: The asset keys of tables.
        results: The results of the last `build_models`.
    """
    results = [result for result in results if result.is_model or result.state in EVALUATED]
    if not results:
        return  # dbt did not run: there may be no manifest
    warehouse = warehouse.models
    manifest = read_manifest(root, warehouse)
    translator = ModelTranslator(keys)
    metadata = ModelMetadata(Relations(manifest, command_line_target(root, warehouse)), translator)
    with warehouse.query() as query:
        for result in results:
            if result.is_model and result.succeeded:
                described = metadata.of(result.unique_id, query, result.rows)
                timed = {"unique_id": result.unique_id, "Execution Duration": result.seconds, **described}
                yield dg.AssetMaterialization(metadata.find_key(result.unique_id), metadata=timed)
            elif not result.is_model and result.state in EVALUATED:
                key = get_asset_check_key_for_test(manifest, translator, result.unique_id, None)
                if key:
                    yield _evaluation(key, result)


def _evaluation(key: dg.AssetCheckKey, test: ModelResult) -> dg.AssetCheckEvaluation:
    is_warning = test.state == "warn"
    failed_rows = {} if test.failures is None else {"dagster_dbt/failed_row_count": test.failures}
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=test.state == "pass",
        severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
        description=test.message or None,
        metadata={"unique_id": test.unique_id, "status": test.state, **failed_rows},
        blocking=not is_warning,
    )
