"""This project, into PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines.loads import load_ours
from benchmarks.engines.servers import postgres
from benchmarks.measure import SET_UP


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run in Dagster."""
    with postgres() as settings:
        yield SET_UP
        return (yield from load_ours(folder, size, settings))
