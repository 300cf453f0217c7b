"""Threads of one process, with Dagster's own event log: what `deploy/dagster.yaml` sets."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.content import read_content
from benchmarks.daily.outcome import ROWS, read_outcome
from benchmarks.daily.tree import KEY, all_tables
from benchmarks.executors.tiny import tiny_tables
from benchmarks.launch import deploy
from benchmarks.measure import SET_UP

DATABASE = Path("data", "warehouse.duckdb")


def measure(
    folder: Path, size: int, *, executor: str = "side_by_side", settings: Mapping[str, Any] | None = None
) -> Generator[str, None, Any]:
    """Measures a daily run and a run of tiny sources, each from its launch to its end."""
    os.environ["EXECUTOR"] = executor
    daily, tiny = folder / "daily" / "ours", folder / "tiny"
    for root, phase, tables in ((daily, "daily", all_tables(size)), (tiny, "tiny", tiny_tables(size))):
        with deploy(root, settings) as deployment:
            yield SET_UP
            deployment.run([KEY.format(table=table) for table in tables])
            yield phase
    content = read_outcome(size, daily / DATABASE)["content"]
    for table in tiny_tables(size):
        content |= read_content(tiny / DATABASE, ROWS, {table: f"SELECT id, name FROM raw.{table}"})  # noqa: S608 - our own
    return {"content": content}
