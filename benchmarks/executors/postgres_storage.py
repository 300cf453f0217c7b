"""Threads of one process, with Dagster's history in PostgreSQL: what deployments of several processes have."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.executors import ours

STORAGE = "DAGSTER_STORAGE"
"""The variable with the address of the database."""


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the same runs as `ours`."""
    settings = {"storage": {"postgres": {"postgres_url": os.environ[STORAGE]}}}
    return ours.measure(folder, size, settings=settings)
