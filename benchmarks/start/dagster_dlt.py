"""dagster-dlt with one pipeline for each source."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.daily.tree import source_tables
from benchmarks.start.phases import measure_start


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a run of one table."""
    return measure_start(folder / "dagster_dlt", size, f"{next(iter(source_tables(size)))}.duckdb")
