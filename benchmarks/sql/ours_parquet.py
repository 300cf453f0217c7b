"""The same source into a lake of parquet files."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.materialise import materialise
from benchmarks.sql.outcome import read_outcome


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset, from the folder to its materialisation."""
    os.environ.update({"WAREHOUSE": "filesystem", "LAKE_URL": "data/lake", "LAKE_FORMAT": "parquet"})
    materialise(folder)
    yield "load"
    return read_outcome(None, size, f"read_parquet('{folder}/data/lake/raw/orders/*.parquet')")
