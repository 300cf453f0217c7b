"""A source folder whose generator yields pages of dicts, materialised by Dagster."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.flat.outcome import ROWS, read_outcome
from benchmarks.materialise import materialise


def measure(folder: Path, size: int, entry: str = "get_rows") -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset, from the folder to its materialisation."""
    materialise(folder / entry)
    yield "load"
    return read_outcome(folder / entry / "data" / "warehouse.duckdb", size, ROWS)
