"""Sling, into a parquet file; it turns nulls of a bool into false."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql import sling
from benchmarks.sql.outcome import read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the program."""
    file = folder / "orders.parquet"
    sling.run(["--tgt-object", f"file://{file}"], sling.install_duckdb(folder))
    yield "load"
    return read_outcome(None, size, f"read_parquet('{file}')", without=["is_paid"])
