"""The floor: each page is converted to an Arrow table and inserted by DuckDB with its structs and lists."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.nested.outcome import AS_STRUCTS, read_outcome, whole
from benchmarks.nested.rows import get_pages


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the insertion of all pages, in one transaction."""
    database = folder / "floor.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("BEGIN; CREATE SCHEMA raw")
        for number, page in enumerate(get_pages(size)):
            table = pa.Table.from_pylist(page)
            connection.register("page", table)
            connection.execute(
                "INSERT INTO raw.rows SELECT * FROM page" if number else "CREATE TABLE raw.rows AS FROM page"
            )
        connection.execute("COMMIT")
    yield "load"
    return read_outcome(database, size, whole(AS_STRUCTS))
