"""Meltano's SDK: a tap with the same rows, into target-duckdb.

With this version of DuckDB the target reads the first row of each of its files as a header, and loses it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks import meltano
from benchmarks.flat.outcome import BUT_THE_FIRST, read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures both processes."""
    database = meltano.load("benchmarks.flat.tap", folder, size)
    yield "load"
    return read_outcome(database, size, BUT_THE_FIRST)
