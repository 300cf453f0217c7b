"""dlt with the loader file format parquet, the one setting that a careful user changes."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.nested import dlt_default


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run."""
    return dlt_default.measure(folder, size, loader_file_format="parquet")
