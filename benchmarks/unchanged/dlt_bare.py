"""dlt alone: one pipeline for each resource, run one after the other."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.unchanged import table_names
from benchmarks.unchanged.phases import measure_unchanged
from benchmarks.unchanged.rows import get_pages


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the runs."""
    database = folder / "dlt.duckdb"

    @dlt.resource(write_disposition="merge", primary_key="id")
    def rows(
        updated_at: Any = dlt.sources.incremental("updated_at", initial_value="2024-01-01T00:00:00Z"),  # noqa: B008 - dlt's way
    ) -> Any:
        del updated_at
        yield from get_pages()

    pipelines = {
        name: dlt.pipeline(name, destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
        for name in table_names(size)
    }

    def run() -> None:
        for name, pipeline in pipelines.items():
            pipeline.run(rows.with_name(name), table_name=name)

    return measure_unchanged(run, database, size)
