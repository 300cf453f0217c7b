"""Finds the partitions of a table that a tick requests: the newest one, and those that were missed or have failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

import dagster as dg

MOST_PARTITIONS = 30
"""How many partitions a tick looks back, the newest included, unless `catch_up` sets how long."""

Partitioning = dg.TimeWindowPartitionsDefinition


@dataclass(frozen=True)
class Due:
    """The partitions of one table that a tick requests.

    Attributes:
        keys: Their keys, the oldest first.
        gap: First and last key of partitions that are missing and too old for the look-back, "" if there are none.
    """

    keys: tuple[str, ...] = ()
    gap: str = ""


def find_due(
    instance: dg.DagsterInstance,
    table: dg.AssetKey,
    partitioning: Partitioning,
    now: datetime,
    look_back: timedelta | None,
) -> Due:
    """Returns the partitions that a tick requests.

    These are the newest one, and those in the look-back that have failed, or are missing and not before the first that
    was ever loaded. A partition that is being loaded is left out, and the last of all if it has landed.

    Args:
        instance: The instance that has the history of the table.
        table: Key of the table.
        partitioning: Its partitions.
        now: The time of the tick.
        look_back: How long ago a partition may have ended. Default: any time, for the newest `MOST_PARTITIONS`.
    """
    with dg.partition_loading_context(effective_dt=now):
        windows = list(_newest_first(partitioning, now, look_back))[::-1]
    if not windows:
        return Due()
    keys = [_key(partitioning, window) for window in windows]
    statuses = instance.get_status_by_partition(table, keys, partitioning) or {}
    states = [status.value if (status := statuses.get(key)) else "" for key in keys]
    older = [key for key in instance.get_materialized_partitions(table) if key < keys[0]]
    begins = 0 if older else next((place for place, state in enumerate(states) if state), len(keys))
    due = [key for key, state in list(zip(keys, states, strict=True))[begins:] if state in {"", "FAILED"}]
    is_repeated = states[-1] == "MATERIALIZED" and (partitioning.end is None or now < partitioning.end)
    newest = keys[-1:] if is_repeated or begins == len(keys) else []
    return Due((*due, *newest), _gap(partitioning, max(older), windows[0]) if older else "")


def _newest_first(partitioning: Partitioning, now: datetime, look_back: timedelta | None) -> Iterator[dg.TimeWindow]:
    """Yields the windows of the partitions that have ended, within the look-back; the newest one in any case."""
    newest = window = partitioning.get_last_partition_window()
    count = 0
    while window and (look_back is not None or count < MOST_PARTITIONS):
        if look_back is not None and window is not newest and window.end <= now - look_back:
            return
        yield window
        count += 1
        window = partitioning.get_prev_partition_window(window.start)


def _key(partitioning: Partitioning, window: dg.TimeWindow) -> str:
    return partitioning.get_partition_key_range_for_time_window(window, respect_bounds=False).start


def _gap(partitioning: Partitioning, landed: str, first: dg.TimeWindow) -> str:
    """Returns first and last partition between the newest that landed and the look-back, "" if there are none."""
    missing = dg.TimeWindow(partitioning.time_window_for_partition_key(landed).end, first.start)
    keys = partitioning.get_partition_keys_in_time_window(missing) if missing.start < missing.end else ()
    return " to ".join(dict.fromkeys((keys[0], keys[-1]))) if keys else ""


def as_ranges(keys: Sequence[str], partitioning: Partitioning, most: int | None) -> Iterator[tuple[str, str]]:
    """Yields first and last key of each range of partitions that follow each other.

    Args:
        keys: Keys, the oldest first.
        partitioning: Their partitions.
        most: Partitions that one run may load; None for any number.
    """
    left = list(keys)
    while left:
        windows = [partitioning.time_window_for_partition_key(key) for key in left[:most]]
        follows = [True, *(one.end == other.start for one, other in pairwise(windows))]
        size = len(list(takewhile(bool, follows)))
        yield left[0], left[size - 1]
        left = left[size:]
