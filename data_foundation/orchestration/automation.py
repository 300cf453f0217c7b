"""The automation conditions: when Dagster materializes a table or a dbt model by itself."""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from data_foundation.config.schedules import Automation

Condition = dg.AutomationCondition
Rule = dg.AutomationCondition[Any]
TABLE_KIND = "dlt"
LOADED_BY_TAG = "dagster/loaded_by"
"""Tag of tables whose translator removed the kind dlt, with that value: models recognise tables by the kind or the tag.

Dagster's page of an asset folds tags that begin with `dagster/` away, among its system tags; selections find them.
"""

PARTITIONS_TAG = "dagster/partitions"
"""Tag of tables with partitions, for instance daily: a model needs one landed partition of them, not all."""

PARTITION_UNITS = ("hourly", "daily", "weekly", "monthly")


def with_automation_tags(spec: dg.AssetSpec, partitions: str | None) -> dg.AssetSpec:
    """Returns the spec of a table with the tags by which the conditions of models select upstream tables.

    Args:
        spec: The spec that the translator returned.
        partitions: The unit of its partitions, None if it has none.
    """
    tags = {} if TABLE_KIND in spec.kinds else {LOADED_BY_TAG: TABLE_KIND}
    tags |= {PARTITIONS_TAG: partitions} if partitions else {}
    return spec.merge_attributes(tags=tags) if tags.items() - spec.tags.items() else spec


def _tables() -> dg.AssetSelection:
    return dg.AssetSelection.kind(TABLE_KIND) | dg.AssetSelection.tag(LOADED_BY_TAG, TABLE_KIND)


def _partitioned() -> dg.AssetSelection:
    first, *others = (dg.AssetSelection.tag(PARTITIONS_TAG, unit) for unit in PARTITION_UNITS)
    return reduce(or_, others, first)


@lru_cache(maxsize=1024)
def ingest_condition(automation: Automation) -> Rule | None:
    """Returns the condition of a table; None for `manual`, and for a cron, which becomes a schedule.

    Dagster's `on_missing` waits for all upstreams, but the external asset of a source is never materialized. So here
    only the missing table decides.
    """
    newest = Condition.in_latest_time_window()
    idle = ~Condition.in_progress()
    match automation.condition:
        case "on_missing":
            return (newest & _is_missing() & idle).with_label("on_missing")
        case "missing_or_changed":
            return (newest & (_is_missing() | _is_changed()) & idle).with_label("missing_or_changed")
        case "lazy":
            wanted: Rule = Condition.any_downstream_conditions()
            return (newest & (wanted | _is_missing() | _is_changed()) & idle).with_label("lazy")
        case "eager":
            landed: Rule = Condition.any_deps_match(Condition.newly_updated())
            return (newest & (landed.since_last_handled() | _is_missing()) & idle).with_label("eager")
        case "on_cron" | "manual":
            return None


def _is_missing() -> Rule:
    """Returns a condition that is true from when an asset is missing until it is requested or updated.

    Dagster's `on_missing` never requests an asset that was already missing at its first evaluation.
    """
    return Condition.newly_missing().since(Condition.newly_requested() | Condition.newly_updated())


def _is_changed() -> Rule:
    """Returns a condition that is true from when the code version changes until the asset is requested or updated.

    An update since the last evaluation may be of the code as it was, so it does not handle a change found with it.
    """
    changed = Condition.code_version_changed()
    return changed.since(Condition.newly_requested() | (Condition.newly_updated() & ~changed))


@lru_cache(maxsize=1)
def model_condition() -> Rule:
    """Returns the condition of a dbt model: run when its own upstreams have landed.

    Dagster's `eager` requests a model together with upstreams that are about to run, and counts it as handled even if
    they fail. Here the model waits while an upstream table is loading or requested, is missing, failed in its latest
    run, or failed a blocking check. Upstream models requested in the same tick run in the same dbt build, in order.
    """
    tables = _tables()
    models = dg.AssetSelection.kind("dbt")
    must_wait = _missing(tables, models) | _failed() | _blocked() | _running(tables)
    rebuilt: Rule = Condition.any_deps_match(Condition.will_be_requested()).allow(models)
    reason = _landed(tables | models) | rebuilt | _is_missing()
    return (reason & ~must_wait & ~Condition.in_progress()).with_label("upstreams have landed")


def _landed(upstream: dg.AssetSelection) -> Rule:
    """Returns a condition that is true from when an upstream lands until the model is requested.

    An upstream that lands in another run may land too late for a model that is being built: only a new request of the
    model handles it. An upstream in the model's own run lands before the model, whose update handles it too.
    """
    together, requested = Condition.executed_with_root_target(), Condition.newly_requested()
    alone: Rule = Condition.any_deps_match(Condition.newly_updated() & ~together).allow(upstream)
    before: Rule = Condition.any_deps_match(Condition.newly_updated() & together).allow(upstream)
    # What landed since the last evaluation landed after the requests of that evaluation, so they do not handle it.
    return alone.since(requested & ~alone) | before.since((requested & ~before) | Condition.newly_updated())


def _missing(tables: dg.AssetSelection, models: dg.AssetSelection) -> Rule:
    """Returns a condition that is true while an upstream has never landed, or no partition of it."""
    partitioned = _partitioned()
    table: Rule = Condition.any_deps_match(Condition.missing()).allow(tables - partitioned)
    model: Rule = Condition.any_deps_match(Condition.missing() & ~Condition.will_be_requested()).allow(models)
    any_missing: Rule = Condition.any_deps_match(Condition.missing()).allow(partitioned)
    any_landed: Rule = Condition.any_deps_match(~Condition.missing()).allow(partitioned)
    return table | model | (any_missing & ~any_landed)


def _failed() -> Rule:
    """Returns a condition that is true if the latest run of an upstream, or of its latest partition, failed."""
    return Condition.any_deps_match(Condition.execution_failed() & Condition.in_latest_time_window())


def _blocked() -> Rule:
    """Returns a condition that is true while a blocking check of an upstream has not passed.

    A check that never ran, because it is new, does not block; Dagster's `all_deps_blocking_checks_passed` would wait
    for the next load. A check that began but has no result blocks: its run may have been stopped between the load and
    the check. For a partitioned table only a failed check blocks: a failed load of an old partition does not.
    """
    partitioned = _partitioned()
    undecided: Rule = ~(Condition.check_passed() | Condition.missing())
    unpartitioned = Condition.any_deps_match(Condition.any_checks_match(undecided, blocking_only=True)).ignore(
        partitioned
    )
    failed = Condition.any_checks_match(Condition.check_failed(), blocking_only=True)
    return unpartitioned | Condition.any_deps_match(failed).allow(partitioned)


def _running(tables: dg.AssetSelection) -> Rule:
    requested: Rule = Condition.any_deps_match(Condition.will_be_requested()).allow(tables)
    return Condition.any_deps_match(Condition.in_progress()) | requested
