"""The project as it is."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.fence.phases import measure_runs


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures runs of the source."""
    return measure_runs(folder, size)
