"""dlt alone at its best: one process, one pipeline for each source, its resources in parallel."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.daily.outcome import read_outcome
from benchmarks.daily.tree import source_tables


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the runs."""
    database = folder / "dlt.duckdb"
    sys.path.insert(0, str(folder / "ours" / "dlthub"))
    for name, tables in source_tables(size).items():
        get_rows = importlib.import_module(f"{name}.data").get_rows
        rows = dlt.resource(get_rows, write_disposition="replace", parallelized=True)
        pipeline = dlt.pipeline(name, destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
        pipeline.run([rows.with_name(table)(table) for table in tables])
    yield "run"
    return read_outcome(size, database)
