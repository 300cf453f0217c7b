"""The side `ours` of the benchmark `sql`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql import ours


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the side."""
    return ours.measure(folder / "sql", size)
