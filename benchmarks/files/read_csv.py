"""The floor: DuckDB reads the file into a table with given types; no state, no retry."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.files import FILE
from benchmarks.flat.outcome import ROWS, read_outcome
from benchmarks.flat.rows import COLUMNS


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures one statement."""
    database = folder / "floor.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; CREATE SCHEMA raw")
        read = connection.read_csv(str(folder / FILE), header=True, dtype=COLUMNS)
        read.create("raw.rows")
    yield "load"
    return read_outcome(database, size, ROWS)
