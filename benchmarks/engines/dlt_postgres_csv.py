"""dlt into PostgreSQL with the loader file format csv."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines import dlt_postgres


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run."""
    return dlt_postgres.measure(folder, size, loader_file_format="csv")
