"""dlt into Iceberg tables of a folder; their files are parquet."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
from dlt.common.libs.pyiceberg import get_iceberg_tables

from benchmarks.engines.loads import run_dlt
from benchmarks.engines.outcome import outcome_of
from benchmarks.flat.rows import COLUMNS


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run; the rows are read without DuckDB, which would download an extension."""
    pipeline = run_dlt(dlt.destinations.filesystem(f"file://{folder}/lake"), size, table_format="iceberg")
    yield "load"
    return outcome_of(_read_pages(pipeline), size)


def _read_pages(pipeline: dlt.Pipeline) -> Iterator[Sequence[Sequence[Any]]]:
    for batch in (
        get_iceberg_tables(pipeline, "rows")["rows"].scan(selected_fields=tuple(COLUMNS)).to_arrow_batch_reader()
    ):
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        yield list(zip(*columns, strict=True))
