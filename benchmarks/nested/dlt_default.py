"""dlt with its defaults: a resource, a pipeline, `run`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.nested.outcome import AS_TABLES, read_outcome, whole
from benchmarks.nested.rows import get_pages


def measure(folder: Path, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures the run; `options` are passed to `Pipeline.run`."""
    database = folder / "dlt.duckdb"
    pipeline = dlt.pipeline("shop", destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
    pipeline.run(dlt.resource(get_pages(size), name="rows"), **options)
    yield "load"
    return read_outcome(database, size, whole(AS_TABLES))
