"""Tests of the memory limit of a copy into DuckDB, with rows of every shape."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_foundation.warehouses.duckdb.bounded_copy import ROW_GROUP_ROWS, needed_bytes
from data_foundation.warehouses.duckdb.warehouse import FORMAT

ROWS = 3 * ROW_GROUP_ROWS
"""More rows than two threads hold at once."""

THREADS = 2


def _digest(column: int, row: int) -> str:
    """Returns a text that shares no part with those of other rows."""
    return hashlib.sha256(f"{column} {row}".encode()).hexdigest()


BUILDS: dict[str, Callable[[int], pa.Table]] = {
    "narrow": lambda count: pa.table({"id": range(count)}),
    "wide": lambda count: pa.table({f"c{index}": pa.nulls(count, pa.string()) for index in range(100)}),
    "long": lambda count: pa.table({"text": [f"{number:01000}" for number in range(count)]}),
    "unlike": lambda count: pa.table(
        {f"c{column}": [_digest(column, row) for row in range(count)] for column in range(10)}
    ),
    "long and the same": lambda count: pa.table({"text": ["x" * 10_000] * count}),
}


@pytest.mark.sampled(11)
@pytest.mark.parametrize("build", BUILDS)
def test_a_copy_needs_less_than_its_memory_limit(build: str, tmp_path: Path) -> None:
    """Half of the limit is enough for rows of any shape."""
    path = tmp_path / "rows.parquet"
    rows = ROWS // (100 if "same" in build else 20)
    table = BUILDS[build](rows)
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(20):
            writer.write_table(table)
    config: dict[str, Any] = {"threads": THREADS, "storage_compatibility_version": FORMAT}
    with duckdb.connect(tmp_path / "warehouse.duckdb", config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET memory_limit = '{needed_bytes(path, THREADS) // 2}B'")
        connection.execute(f"CREATE TABLE copied AS FROM '{path}'")
        assert connection.execute("SELECT count(*) FROM copied").fetchall() == [(20 * rows,)]


def test_row_groups_of_a_long_file_lower_the_limit_by_at_most_a_third(tmp_path: Path) -> None:
    """The limit is lowered by the memory that DuckDB keeps for each row group, by at most a third."""
    given = []
    for groups in (1, 1_000, 20_000):
        path = tmp_path / f"{groups}.parquet"
        with pq.ParquetWriter(path, (table := pa.table({"id": [1], "text": ["one"]})).schema) as writer:
            for _ in range(groups):
                writer.write_table(table)
        given.append(needed_bytes(path, THREADS))
    short, longer, longest = given
    assert short * 0.8 < longer < short * 0.95
    assert longest == pytest.approx(short * 2 / 3, rel=0.01)
