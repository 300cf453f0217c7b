"""dlt into a DuckLake with its catalogue in SQLite; parquet is its default."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

from benchmarks.engines.loads import load_dlt
from benchmarks.measure import SET_UP
from data_foundation.warehouses.ducklake.extensions import link_extensions


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run; DuckDB finds its extensions in the home folder, instead of downloading them."""
    os.environ["HOME"] = str(folder)
    link_extensions(folder / ".duckdb" / "extensions", ("ducklake", "sqlite_scanner"))
    yield SET_UP
    lake = DuckLakeCredentials(catalog=f"sqlite:///{folder}/catalogue.sqlite", storage=f"file://{folder}/files")
    return (yield from load_dlt(dlt.destinations.ducklake(lake), size))
