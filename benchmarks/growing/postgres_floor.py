"""The floor in PostgreSQL: COPY into a temporary table and one MERGE, on a table with an index on its key."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.growing.floor import MERGE


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a process that merges the rows into the same table."""
    from benchmarks.growing.phases import measure_postgres_floor  # noqa: PLC0415 - the process imports this module

    return measure_postgres_floor(folder, size)


def merge() -> None:
    """Merges the rows of the load."""
    from benchmarks.growing import SIZE, new_rows  # noqa: PLC0415 - its imports are part of the figures
    from benchmarks.growing.server import open_cursor  # noqa: PLC0415 - the same

    text = "".join(f"{row['id']}\t{row['state']}\t{row['amount']}\n" for row in new_rows(int(os.environ[SIZE])))
    with open_cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE new_rows (id BIGINT, state VARCHAR, amount DOUBLE PRECISION)")
        cursor.copy_expert("COPY new_rows FROM STDIN", io.StringIO(text))
        cursor.execute(MERGE.format(table="floor.ours", rows="new_rows"))
