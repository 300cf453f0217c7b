"""This project, into Iceberg tables of a folder."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines.loads import load_ours


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run in Dagster."""
    return load_ours(folder, size, {"WAREHOUSE": "lake", "LAKE_FORMAT": "iceberg", "LAKE_URL": "lake"})
