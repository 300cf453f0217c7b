"""Threads of one process, with the event log of this project, which keeps its files open."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.executors import ours

KEPT = {
    "event_log_storage": {
        "module": "data_foundation.event_log",
        "class": "KeptSqliteEventLog",
        "config": {"home": {"env": "DAGSTER_HOME"}},
    }
}


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the same runs as `ours`."""
    return ours.measure(folder, size, settings=KEPT)
