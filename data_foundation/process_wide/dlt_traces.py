"""What dlt notes of the settings that it finds, kept for one load only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlt.common.configuration.utils import get_resolved_traces


@contextmanager
def forgotten_traces() -> Iterator[None]:
    """Forgets what dlt notes in the block of where it found each setting, by which all of a load would stay in memory.

    Until then the notes say which values are secret. Read in dlt 1.31.0: it empties them with its runtime trace alone,
    which is off here, as it writes secrets to a file.
    """
    traces = get_resolved_traces()
    before = traces.resolved_traces, traces.all_traces
    traces.clear()
    try:
        yield
    finally:
        traces.resolved_traces, traces.all_traces = before
