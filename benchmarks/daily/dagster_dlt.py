"""dagster-dlt with one pipeline for each source and one process for each step, which is Dagster's default."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.daily.outcome import read_outcome
from benchmarks.daily.tree import KEY, all_tables, source_tables
from benchmarks.launch import deploy
from benchmarks.measure import SET_UP


def measure(folder: Path, size: int, *, side: str = "dagster_dlt", one_file: bool = False) -> Generator[str, None, Any]:
    """Measures from the launch of the run to its end, including every process that it starts."""
    root = folder / side
    with deploy(root) as deployment:
        yield SET_UP
        deployment.run([KEY.format(table=table) for table in all_tables(size)])
        yield "run"
    files = {source: root / f"{source}.duckdb" for source in source_tables(size)}
    return read_outcome(size, root / "dlt.duckdb" if one_file else files)
