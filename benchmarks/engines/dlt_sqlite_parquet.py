"""dlt into SQLite with the loader file format parquet."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines import dlt_sqlite


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run."""
    return dlt_sqlite.measure(folder, size, loader_file_format="parquet")
