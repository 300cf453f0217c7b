"""One load of the flat rows: by this project, and by dlt alone."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import dlt

from benchmarks.engines.outcome import read_outcome
from benchmarks.flat.rows import get_pages
from benchmarks.materialise import materialise
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.settings import build_warehouse


def load_ours(folder: Path, size: int, settings: Mapping[str, str]) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset, in the warehouse that the settings name."""
    os.environ.update({"DEPLOYMENT": "production", **settings})
    materialise(folder)
    yield "load"
    warehouse = build_warehouse(folder)
    with warehouse.open() as destination, connect(destination, warehouse.dataset("raw")) as client:
        return read_outcome(client, size)


def load_dlt(destination: Any, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures a run of dlt.

    Args:
        destination: dlt's own.
        size: Number of rows.
        options: Arguments of `Pipeline.run`.
    """
    pipeline = run_dlt(destination, size, **options)
    yield "load"
    with pipeline.sql_client() as client:
        return read_outcome(client, size)


def run_dlt(destination: Any, size: int, **options: Any) -> dlt.Pipeline:
    """Runs dlt with the arguments of `load_dlt`, and returns its pipeline."""
    pipeline = dlt.pipeline("shop", destination=destination, dataset_name="raw")
    pipeline.run(dlt.resource(get_pages(size), name="rows"), **options)
    return pipeline
