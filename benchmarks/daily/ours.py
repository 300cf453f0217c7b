"""One folder for each source, all launched as one run."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.daily.outcome import read_outcome
from benchmarks.daily.tree import KEY, all_tables
from benchmarks.launch import deploy
from benchmarks.measure import SET_UP


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures from the launch of the run to its end, including every process that it starts."""
    with deploy(folder / "ours") as deployment:
        yield SET_UP
        deployment.run([KEY.format(table=table) for table in all_tables(size)])
        yield "run"
    return read_outcome(size, folder / "ours" / "data" / "warehouse.duckdb")
