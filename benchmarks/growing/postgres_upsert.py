"""Our load into PostgreSQL, with `write_disposition` upsert."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.growing.phases import measure_postgres


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a process that loads the rows."""
    return measure_postgres(folder / "upsert", size, "upsert")
