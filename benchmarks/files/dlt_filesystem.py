"""dlt's filesystem source with its DuckDB reader and the loader file format parquet."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb

from benchmarks.files import FILE
from benchmarks.flat.outcome import ROWS, read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run."""
    database = folder / "dlt.duckdb"
    found = filesystem(bucket_url=folder.as_uri(), file_glob=FILE)
    rows = (found | read_csv_duckdb(use_pyarrow=True, chunk_size=50_000)).with_name("rows")
    pipeline = dlt.pipeline("shop", destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
    pipeline.run(rows, loader_file_format="parquet")
    yield "load"
    return read_outcome(database, size, ROWS)
