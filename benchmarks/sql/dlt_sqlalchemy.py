"""dlt's sql_table with its default backend and loader file format.

Doubles lose their last bit, because they are written as decimal literals.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.sql_database import sql_table

from benchmarks.sql.outcome import read_outcome
from benchmarks.sql.table import DSN


def load(size: int, backend: Any, destination: Any, **options: Any) -> None:
    """Runs a pipeline over the table; `options` are passed to `Pipeline.run`."""
    orders = sql_table(
        credentials=os.environ[DSN].replace(":", "+psycopg2:", 1), schema="shop", table="orders", backend=backend,
        # Otherwise a numeric has no precision, and becomes a decimal of another precision or none.
        reflection_level="full_with_precision",
        query_adapter_callback=lambda query, table: query.where(table.c.id < size),
    )  # fmt: skip
    pipeline = dlt.pipeline("shop", destination=destination, dataset_name="raw")
    pipeline.run(orders, write_disposition="replace", **options)


def measure(
    folder: Path, size: int, backend: str = "sqlalchemy", without: Collection[str] = ("score",)
) -> Generator[str, None, Any]:
    """Measures the run into DuckDB."""
    database = folder / "dlt.duckdb"
    load(size, backend, dlt.destinations.duckdb(str(database)))
    yield "load"
    return read_outcome(database, size, "raw.orders", without)
