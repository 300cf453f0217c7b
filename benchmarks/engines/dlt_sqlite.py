"""dlt into SQLite with its defaults: rows of JSON, whose values are bound."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.engines.loads import load_dlt


def measure(folder: Path, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures the run; `options` are passed to `Pipeline.run`."""
    return load_dlt(dlt.destinations.sqlalchemy(f"sqlite:///{folder}/dlt.db"), size, **options)
