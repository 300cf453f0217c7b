"""A source folder whose resources have a cursor, materialised by Dagster."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.materialise import materialise
from benchmarks.unchanged.phases import measure_unchanged


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for the assets, including the definitions."""
    return measure_unchanged(lambda: materialise(folder), folder / "data" / "warehouse.duckdb", size)
