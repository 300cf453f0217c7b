"""dlt's sql_table with the backend connectorx."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql import dlt_sqlalchemy


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run into DuckDB."""
    return dlt_sqlalchemy.measure(folder, size, backend="connectorx", without=())
