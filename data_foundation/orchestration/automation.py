"""When an asset runs without a person: the automation conditions, written so that they read as the rule."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from data_foundation.config.fields import Automation

Condition = dg.AutomationCondition
Rule = dg.AutomationCondition[Any]
TABLE_KIND = "dlt"
INGESTED_TAG = "foundation/ingested"
"""Marks ingesting assets whose translator left out the kind dlt: a model waits for its upstreams with either."""

PARTITIONED_TAG = "foundation/partitioned"
"""Marks ingesting assets with partitions: a model must not wait for every day of history to be there."""


def with_automation_tags(spec: dg.AssetSpec, *, partitioned: bool) -> dg.AssetSpec:
    """Returns the spec of an ingesting asset with the marks that the conditions of models select by."""
    missing = {} if TABLE_KIND in spec.kinds else {INGESTED_TAG: "true"}
    if partitioned and PARTITIONED_TAG not in spec.tags:
        missing[PARTITIONED_TAG] = "true"
    return spec.merge_attributes(tags=missing) if missing else spec


@lru_cache(maxsize=1024)
def ingest_condition(automation: Automation) -> Rule | None:
    """Returns the condition of an ingesting asset, None for `manual`.

    Stock `on_cron` and `on_missing` wait for all upstreams; the external asset of a source never materialises. So
    the tick, or the absence of the table, alone decides here.
    """
    newest = Condition.in_latest_time_window()
    idle = ~Condition.in_progress()
    match automation.condition:
        case "on_cron":
            assert automation.cron  # noqa: S101 - config.py refuses on_cron without a cron
            # A run that somebody started by hand around the tick may have loaded anything: only our own answers it.
            tick: Rule = Condition.cron_tick_passed(automation.cron, automation.timezone)
            due: Rule = tick.since(Condition.newly_requested() | Condition.initial_evaluation())
            return (newest & due & idle).with_label(f"on_cron({automation.cron}, {automation.timezone})")
        case "on_missing":
            return (newest & _is_missing() & idle).with_label("on_missing")
        case "eager":
            landed: Rule = Condition.any_deps_match(Condition.newly_updated())
            return (newest & (landed.since_last_handled() | _is_missing()) & idle).with_label("eager")
        case "manual":
            return None


def _is_missing() -> Rule:
    """Returns a condition that is true until the asset is asked for.

    Stock `on_missing` takes an asset that was missing when it was seen first for handled, and never asks for it.
    """
    return Condition.newly_missing().since(Condition.newly_requested() | Condition.newly_updated())


@lru_cache(maxsize=1)
def model_condition() -> Rule:
    """Returns the condition of a dbt model: run when its own upstreams have landed.

    Stock `eager` asks for a model together with upstreams that are about to run, and takes it for handled even when
    they fail; here only what has landed counts. While a table upstream is loaded or about to be, is missing, has just
    failed, or has failed a check that blocks, the model waits; models upstream of it that this very tick asks for run
    in the same dbt build, in order.
    """
    tables = dg.AssetSelection.kind(TABLE_KIND) | dg.AssetSelection.tag(INGESTED_TAG, "true")
    models = dg.AssetSelection.kind("dbt")
    waits = _missing(tables, models) | _failed() | _blocked() | _running(tables)
    rebuilt: Rule = Condition.any_deps_match(Condition.will_be_requested()).allow(models)
    reason = _landed(tables | models) | rebuilt | _is_missing()
    return (reason & ~waits & ~Condition.in_progress()).with_label("upstreams have landed")


def _landed(upstream: dg.AssetSelection) -> Rule:
    """Returns a condition that is true from when an upstream lands until the model is asked for.

    What lands in a run of its own may have come too late for a model that was built meanwhile: only asking for the
    model answers it. What lands in the model's own run comes before the model, whose landing answers it too.
    """
    together, requested = Condition.executed_with_root_target(), Condition.newly_requested()
    alone: Rule = Condition.any_deps_match(Condition.newly_updated() & ~together).allow(upstream)
    before: Rule = Condition.any_deps_match(Condition.newly_updated() & together).allow(upstream)
    # What landed since the last evaluation did so after what that evaluation asked for.
    return alone.since(requested & ~alone) | before.since((requested & ~before) | Condition.newly_updated())


def _missing(tables: dg.AssetSelection, models: dg.AssetSelection) -> Rule:
    """Returns a condition that is true while an upstream has never landed; of a partitioned one any part will do."""
    partitioned = dg.AssetSelection.tag(PARTITIONED_TAG, "true")
    table: Rule = Condition.any_deps_match(Condition.missing()).allow(tables - partitioned)
    model: Rule = Condition.any_deps_match(Condition.missing() & ~Condition.will_be_requested()).allow(models)
    a_part: Rule = Condition.any_deps_match(Condition.missing()).allow(partitioned)
    some_part: Rule = Condition.any_deps_match(~Condition.missing()).allow(partitioned)
    return table | model | (a_part & ~some_part)


def _failed() -> Rule:
    """Returns a condition that is true while the latest run of an upstream, or of its latest partition, has failed."""
    return Condition.any_deps_match(Condition.execution_failed() & Condition.in_latest_time_window())


def _blocked() -> Rule:
    """Returns a condition that is true while a blocking check of an upstream has failed.

    One that has never been run, because it is new, holds nothing back. One that was begun and has no outcome does:
    its run may have been stopped between the load and the check. Of a partitioned table only a check that has failed
    counts: a load of some old partition that failed is no reason to wait. Stock `all_deps_blocking_checks_passed`
    waits for the new one too, until the next load.
    """
    partitioned = dg.AssetSelection.tag(PARTITIONED_TAG, "true")
    undecided: Rule = ~(Condition.check_passed() | Condition.missing())
    whole = Condition.any_deps_match(Condition.any_checks_match(undecided, blocking_only=True)).ignore(partitioned)
    failed = Condition.any_checks_match(Condition.check_failed(), blocking_only=True)
    return whole | Condition.any_deps_match(failed).allow(partitioned)


def _running(tables: dg.AssetSelection) -> Rule:
    requested: Rule = Condition.any_deps_match(Condition.will_be_requested()).allow(tables)
    return Condition.any_deps_match(Condition.in_progress()) | requested
