"""One folder for each source."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.start.phases import measure_start
from benchmarks.start.processes import measure_processes


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a run of one table, and before it the start of this repository's processes."""
    processes = measure_processes()
    report = yield from measure_start(folder / "ours", size, "data/warehouse.duckdb")
    return {**report, "shown": {**report["shown"], **{f"CPU of {name}": found for name, found in processes.items()}}}
