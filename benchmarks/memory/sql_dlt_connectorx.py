"""The side `dlt_connectorx` of the benchmark `sql`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql import dlt_connectorx


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the side."""
    return dlt_connectorx.measure(folder / "sql", size)
