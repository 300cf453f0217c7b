"""dlt into MariaDB with its defaults: rows of JSON, whose values are bound."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.engines.loads import load_dlt
from benchmarks.engines.servers import mariadb
from benchmarks.measure import SET_UP


def measure(folder: Path, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures the run; `options` are passed to `Pipeline.run`."""
    del folder
    with mariadb() as address:
        yield SET_UP
        return (yield from load_dlt(dlt.destinations.sqlalchemy(address), size, **options))
