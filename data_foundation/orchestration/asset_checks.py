"""Converts a resource's checks to Dagster: specs at definition time, results and evaluations after a load."""

from __future__ import annotations

from typing import Any

import dagster as dg

from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import find_checks
from data_foundation.config.grammar import ResourceConfig

_SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def check_specs(resource: ResourceConfig, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Returns the specs of a resource's checks; `key` is the asset key of its table."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.rule, blocking=check.blocking)
        for check in find_checks(resource)
    ]


def check_result(key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckResult:
    """Returns the result of a check of the asset `key`, for the op to yield."""
    return dg.AssetCheckResult(**_fields(key, outcome))


def check_evaluation(key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckEvaluation:
    """Returns the evaluation of a check of the asset `key`, to be recorded for an asset that the run did not select."""
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
