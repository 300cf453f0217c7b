"""dlt's rest_api source with the loader file format parquet."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.http import rest_api


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run."""
    return rest_api.measure(folder, size, loader_file_format="parquet")
