"""dagster-dlt with one pipeline for each source, one after the other in the run's process."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.daily import dagster_dlt


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures from the launch of the run to its end."""
    return dagster_dlt.measure(folder, size, side="dagster_dlt_in_process", one_file=True)
