"""The memory that DuckDB is given for a copy: enough, with room to spare, for rows of every build."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_foundation.engines.duckdb import FORMAT
from data_foundation.engines.duckdb_copy import ROW_GROUP, needed_bytes

ROWS = 3 * ROW_GROUP
"""More than two threads have in hand."""

THREADS = 2
BUILDS: dict[str, Callable[[int], pa.Table]] = {
    "narrow": lambda count: pa.table({"id": range(count)}),
    "wide": lambda count: pa.table({f"c{index}": pa.nulls(count, pa.string()) for index in range(100)}),
    "long": lambda count: pa.table({"text": [f"{number:01000}" for number in range(count)]}),
    "long and the same": lambda count: pa.table({"text": ["x" * 10_000] * count}),
}


@pytest.mark.parametrize("build", BUILDS)
def test_a_copy_needs_less_than_it_is_given(build: str, tmp_path: Path) -> None:
    """Two thirds of it are enough, whatever the rows are."""
    path = tmp_path / "rows.parquet"
    rows = ROWS // (100 if "same" in build else 20)
    table = BUILDS[build](rows)
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(20):
            writer.write_table(table)
    config: dict[str, Any] = {"threads": THREADS, "storage_compatibility_version": FORMAT}
    with duckdb.connect(tmp_path / "warehouse.duckdb", config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET memory_limit = '{needed_bytes(path, THREADS) * 2 // 3}B'")
        connection.execute(f"CREATE TABLE copied AS FROM '{path}'")
        assert connection.execute("SELECT count(*) FROM copied").fetchall() == [(20 * rows,)]
