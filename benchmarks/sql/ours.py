"""A source folder with the reader of SQL tables, materialised by Dagster."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.materialise import materialise
from benchmarks.sql.outcome import read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset, from the folder to its materialisation."""
    materialise(folder)
    yield "load"
    return read_outcome(folder / "data" / "warehouse.duckdb", size, "raw.orders")
