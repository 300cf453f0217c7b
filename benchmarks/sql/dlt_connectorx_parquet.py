"""dlt's sql_table with the backend connectorx, into parquet files."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.sql.dlt_sqlalchemy import load
from benchmarks.sql.outcome import read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run into a folder."""
    lake = folder / "lake"
    load(size, "connectorx", dlt.destinations.filesystem(str(lake)), loader_file_format="parquet")
    yield "load"
    return read_outcome(None, size, f"read_parquet('{lake}/raw/orders/*.parquet')")
