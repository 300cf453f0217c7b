"""A resource's checks in Dagster: specs before a load, results and evaluations after it."""

from __future__ import annotations

from typing import Any

import dagster as dg

from data_foundation.check_rules import CheckOutcome
from data_foundation.checks import find_checks
from data_foundation.grammar import ResourceConfig
from data_foundation.table_names import table_key

_SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def check_specs(resource: ResourceConfig) -> list[dg.AssetCheckSpec]:
    """Returns the specs of a resource's checks, all of them on its own table."""
    key = dg.AssetKey(table_key(resource))
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.rule, blocking=check.blocking)
        for check in find_checks(resource)
    ]


def check_result(resource: ResourceConfig, outcome: CheckOutcome) -> dg.AssetCheckResult:
    """Returns what the op that loaded a resource says of one of its checks."""
    return dg.AssetCheckResult(**_said(resource, outcome))


def check_evaluation(resource: ResourceConfig, outcome: CheckOutcome) -> dg.AssetCheckEvaluation:
    """Returns the same for the history of an asset that no run has selected."""
    return dg.AssetCheckEvaluation(**_said(resource, outcome), blocking=outcome.severity == "error")


def _said(resource: ResourceConfig, outcome: CheckOutcome) -> dict[str, Any]:
    return {
        "asset_key": dg.AssetKey(table_key(resource)),
        "check_name": outcome.name,
        "passed": outcome.passed,
        "severity": _SEVERITIES[outcome.severity],
        "description": outcome.message,
        "metadata": outcome.metadata,
    }
