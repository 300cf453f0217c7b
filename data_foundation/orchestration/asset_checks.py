"""A resource's checks in Dagster: specs before a load, results and evaluations after it."""

from __future__ import annotations

from typing import Any

import dagster as dg

from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import find_checks
from data_foundation.config.grammar import ResourceConfig

_SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def check_specs(resource: ResourceConfig, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Returns the specs of a resource's checks, all of them on its own table, whose asset key is `key`."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.rule, blocking=check.blocking)
        for check in find_checks(resource)
    ]


def check_result(key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckResult:
    """Returns the result of a check of the table `key`, to be yielded by the op that loaded it."""
    return dg.AssetCheckResult(**_fields(key, outcome))


def check_evaluation(key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckEvaluation:
    """Returns the same for the history of an asset that no run has selected."""
    return dg.AssetCheckEvaluation(**_fields(key, outcome), blocking=outcome.severity == "error")


def _fields(key: dg.AssetKey, outcome: CheckOutcome) -> dict[str, Any]:
    return {
        "asset_key": key,
        "check_name": outcome.name,
        "passed": outcome.passed,
        "severity": _SEVERITIES[outcome.severity],
        "description": outcome.message,
        "metadata": outcome.metadata,
    }
