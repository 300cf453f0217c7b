"""Phases of a step's start, and the comparison of the rows that two sides loaded."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.content import read_content
from benchmarks.daily.tree import KEY, source_tables
from benchmarks.launch import deploy
from benchmarks.measure import SET_UP
from benchmarks.start import FIRST_ROW, IMPORTED

ROWS = 10
MULTIPROCESS: Mapping[str, Any] = {"execution": {"config": {"multiprocess": {}}}}
"""Run config with one process for each step, whatever executor a location has by default."""


def measure_start(root: Path, sources: int, database: str) -> Generator[str, None, Any]:
    """Yields when a code server runs, and when a run of one table of one source has ended.

    The step starts when the run's process reports that it creates the step's process.
    """
    source, (table, *_) = next(iter(source_tables(sources).items()))
    imported = Path(os.environ[IMPORTED])
    with deploy(root) as deployment:
        imported.write_text("", encoding="utf-8")
        yield SET_UP
        run_id = deployment.run([KEY.format(table=table)], MULTIPROCESS)
        yield "run"
        (start,) = deployment.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_WORKER_STARTING)
    first_row = float(Path(os.environ[FIRST_ROW]).read_text(encoding="utf-8"))
    others = set(imported.read_text(encoding="utf-8").split()) - {source}
    query = f"SELECT id, name, price FROM raw.{table}"  # noqa: S608 - our own
    return {
        "content": read_content(root / database, ROWS, {table: query}),
        "shown": {"seconds": first_row - start.timestamp, "unselected sources imported": len(others)},
    }
