"""Time partitions of tables in Dagster: their definition, and which of them a load outside Dagster has covered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg
from dlt.common.time import parse_iso_like_datetime

from data_foundation.loading.ranges.load_range import find_range

if TYPE_CHECKING:
    from data_foundation.config.fields import Partitions
    from data_foundation.loading.task import Task

_DEFINITIONS: dict[str, type[dg.TimeWindowPartitionsDefinition]] = {
    "hourly": dg.HourlyPartitionsDefinition,
    "daily": dg.DailyPartitionsDefinition,
    "weekly": dg.WeeklyPartitionsDefinition,
    "monthly": dg.MonthlyPartitionsDefinition,
}


def time_partitions(partitions: Partitions) -> dg.TimeWindowPartitionsDefinition:
    """Returns Dagster's definition of configured partitions."""
    fmt = "%Y-%m-%d-%H:%M" if partitions.by == "hourly" else "%Y-%m-%d"
    build: Any = _DEFINITIONS[partitions.by]
    definition: dg.TimeWindowPartitionsDefinition = build(
        start_date=partitions.start.strftime(fmt),
        end_date=partitions.end.strftime(fmt) if partitions.end else None,
        timezone=partitions.timezone,
    )
    return definition


def covered_partitions(task: Task, cursor: Any) -> list[str]:
    """Returns the keys of the partitions that a load has loaded, the oldest first.

    A load from the cursor completes the partition in which the cursor lies. A range covers only whole partitions, a
    sample none. Returns [] if the cursor is no time.

    Args:
        task: The resource, which has partitions, and the options of the load.
        cursor: The stored cursor before the load, None if there was none.
    """
    partitions, options = task.resource.partitions, task.options
    assert partitions  # noqa: S101 - the caller's condition
    if options.is_sample:
        return []
    definition, zone = time_partitions(partitions), ZoneInfo(partitions.timezone)
    load_range = find_range(task.resource, cursor if options.refresh == "none" else None, options)
    start = _moment(load_range.start, zone)
    if start is None:
        return []
    end = _moment(load_range.end, zone) if options.end else None
    keys = definition.get_partition_keys()
    ends = [definition.time_window_for_partition_key(key).end for key in keys]
    starts = [definition.time_window_for_partition_key(key).start for key in keys]
    first = bisect_left(starts, start) if options.is_partial else bisect_right(ends, start)
    return list(keys[first : bisect_right(ends, end or datetime.now(UTC))])


def _moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """Returns the time that a value of a cursor means, None if it is no time; a day begins in `zone`."""
    if isinstance(value, str):
        try:
            value = parse_iso_like_datetime(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time.min, zone) if isinstance(value, date) else None
