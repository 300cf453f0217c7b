"""Meltano's SDK: a tap with the same rows, into target-duckdb, which turns objects into columns and lists into texts.

With this version of DuckDB the target reads the first row of each of its files as a header, and loses it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks import meltano
from benchmarks.content import but_the_first
from benchmarks.nested.outcome import AS_JSON, read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures both processes."""
    database = meltano.load("benchmarks.nested.tap", folder, size, data_flattening_max_level=2)
    yield "load"
    return read_outcome(database, size, but_the_first(AS_JSON))
