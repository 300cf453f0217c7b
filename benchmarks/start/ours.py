"""One folder for each source."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.start.phases import measure_start


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a run of one table."""
    return measure_start(folder / "ours", size, "data/warehouse.duckdb")
