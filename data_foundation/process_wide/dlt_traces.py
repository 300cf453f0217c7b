"""Keeps dlt's record of resolved settings for one load only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlt.common.configuration.utils import get_resolved_traces


@contextmanager
def forgotten_traces() -> Iterator[None]:
    """Discards, after the block, dlt's record of where it found each setting, which would keep the load in memory.

    Inside the block the record shows which values are secret. Read in dlt 1.31.0: dlt empties it only with its runtime
    trace, which is off here because it writes secrets to a file.
    """
    traces = get_resolved_traces()
    before = traces.resolved_traces, traces.all_traces
    traces.clear()
    try:
        yield
    finally:
        traces.resolved_traces, traces.all_traces = before
