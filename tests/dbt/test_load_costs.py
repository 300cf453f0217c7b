"""Tests of the model `load_costs`: it equals a second computation from the audit trail."""

from collections import defaultdict
from datetime import UTC, date
from typing import Any

import pytest

from data_foundation.orchestration.asset_keys import AssetKeys
from data_foundation.orchestration.dbt_models.assets import ModelTranslator
from tests.support.dbt_builds import Build

pytestmark = pytest.mark.xdist_group("loaded_warehouse")


def test_costs_are_the_sums_of_the_audit_trail(built: Build) -> None:
    """Attempts, failures, rows, bytes and seconds of each source and day are those of the attempts, without credits."""
    expected: dict[tuple[date, str], list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0.0])
    for attempt in built.records("raw._load_audit"):
        costs = expected[attempt["started"].astimezone(UTC).date(), attempt["source"]]
        is_loaded = attempt["status"] == "loaded"
        costs[0] += 1
        costs[1] += not is_loaded
        costs[2] += (attempt["rows"] or 0) if is_loaded else 0
        costs[3] += attempt["bytes"] or 0
        costs[4] += attempt["seconds"] or 0.0
    found = {
        (row["loaded_on"], row["source"]): [
            row["attempts"], row["failed_attempts"], row["rows_loaded"], row["bytes_loaded"], row["seconds"],
        ]
        for row in built.records("operations.load_costs")
    }  # fmt: skip
    assert found == {key: pytest.approx(costs) for key, costs in expected.items()}
    assert len(found) > 3
    assert {row["credits"] for row in built.records("operations.load_costs")} == {None}


def test_dagster_does_not_build_it_before_the_first_load(built: Build) -> None:
    """Dagster knows no upstream of it, so only a person requests it; every other model has a condition."""
    translator = ModelTranslator(AssetKeys())
    conditions = {
        name: translator.get_asset_spec(built.manifest, model["unique_id"], None).automation_condition
        for name, model in built.models.items()
    }
    assert {name for name, condition in conditions.items() if condition is None} == {"load_costs"}
