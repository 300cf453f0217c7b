"""Builds what alerts need in a code location: the sensor, and the schedule of the digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import dagster as dg

from data_foundation.alerts.routing import Routing
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import ConfigError
from data_foundation.orchestration.alerts.digest import build_digest_schedule
from data_foundation.orchestration.alerts.run_events import Table, Tables
from data_foundation.orchestration.alerts.sensor import Reported, build_alert_sensor
from data_foundation.orchestration.keys import source_key
from data_foundation.orchestration.translator import ResourceAssets
from data_foundation.project.find_sources import BrokenSource
from data_foundation.warehouses.base import Warehouse


def build_alerts(
    root: Path,
    resources: Sequence[ResourceAssets],
    broken: Iterable[BrokenSource],
    warehouse: Warehouse,
    part: str = "",
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition]]:
    """Returns the sensor, and the schedule if a digest is configured; nothing if no target is configured.

    If `alerts.yaml` has problems there is nothing either: it is one of the broken sources.

    Args:
        root: The repository.
        resources: The assets of all resources.
        broken: The broken sources.
        warehouse: The warehouse of the audit trail.
        part: Name of the part of the code location, with which the names begin.
    """
    sources = list({assets.data.source.name: assets.data.source for assets in resources}.values())
    try:
        routing = Routing.load(root, sources)
    except ConfigError:
        return [], []
    if not routing.receivers:
        return [], []
    reported = Reported(routing, sources, _find_tables(resources, broken), warehouse)
    prefix = f"{part}_" if part else ""
    schedules = [build_digest_schedule(reported, prefix)] if routing.tree.digest else []
    return [build_alert_sensor(reported, prefix)], schedules


def _find_tables(resources: Iterable[ResourceAssets], broken: Iterable[BrokenSource]) -> Tables:
    named = [(assets, Table(str(table_name_of(assets.data.resource)), assets.data.source.name)) for assets in resources]
    return Tables(
        by_key={assets.table.key: table for assets, table in named},
        by_destination={assets.data.resource.destination: table for assets, table in named},
        aged=[table for assets, table in named if assets.data.resource.maximum_age],
        broken={source_key(source.name).to_python_identifier(): source.name for source in broken},
    )
