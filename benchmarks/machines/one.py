"""A run on one machine."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.machines.phases import measure_machines


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run, with the start of its processes."""
    return measure_machines(folder, size, machines=1)
