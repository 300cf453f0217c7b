"""Our load into a vault in DuckDB: the keys of a hub, and versions of a satellite."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.growing.phases import measure_vault


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures a process that loads the rows."""
    return measure_vault(folder / "vault", size)
