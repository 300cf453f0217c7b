"""This project, into MariaDB."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.engines.loads import load_ours
from benchmarks.engines.servers import mariadb
from benchmarks.measure import SET_UP
from data_foundation.warehouses.alchemy.warehouse import CREDENTIALS


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the run in Dagster."""
    with mariadb() as address:
        yield SET_UP
        return (yield from load_ours(folder, size, {"WAREHOUSE": "sqlalchemy", CREDENTIALS.name: address}))
