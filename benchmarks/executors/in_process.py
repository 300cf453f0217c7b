"""Dagster's executor `dg.in_process_executor`, with Dagster's own event log."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.executors import ours


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the same runs as `ours`."""
    return ours.measure(folder, size, executor="in_process")
