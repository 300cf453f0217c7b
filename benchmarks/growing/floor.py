"""The floor in DuckDB: one MERGE of an Arrow table, written by hand; no state, no lock, no check."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

MERGE = """
MERGE INTO {table} AS t USING {rows} AS s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET state = s.state, amount = s.amount
WHEN NOT MATCHED THEN INSERT (id, state, amount, _dlt_load_id, _dlt_id)
    VALUES (s.id, s.state, s.amount, '2', CAST(s.id AS VARCHAR))
"""


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a process that merges the rows into the same table."""
    from benchmarks.growing.phases import measure_floor  # noqa: PLC0415 - the process that merges imports this module

    return measure_floor(folder, size)


def merge(path: Path) -> None:
    """Merges the rows of the load."""
    import duckdb  # noqa: PLC0415 - its import is part of the figures
    import pyarrow as pa  # noqa: PLC0415 - the same

    from benchmarks.growing import SIZE, new_rows  # noqa: PLC0415 - the same

    with duckdb.connect(str(path)) as connection:
        connection.register("new_rows", pa.Table.from_pylist(new_rows(int(os.environ[SIZE]))))
        connection.execute(MERGE.format(table="raw.ours", rows="new_rows"))
