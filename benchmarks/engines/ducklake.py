"""This project, into a DuckLake with its catalogue in SQLite."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines.loads import load_ours


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run in Dagster."""
    return load_ours(folder, size, {"WAREHOUSE": "ducklake"})
