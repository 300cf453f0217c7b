"""dlt into PostgreSQL with its defaults: statements of values."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.engines.loads import load_dlt
from benchmarks.engines.servers import USER, postgres
from benchmarks.measure import SET_UP


def measure(folder: Path, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures the run; `options` are passed to `Pipeline.run`."""
    del folder
    with postgres() as settings:
        yield SET_UP
        address = f"postgresql://{USER}:{USER}@127.0.0.1:{settings['POSTGRES_PORT']}/{settings['POSTGRES_DATABASE']}"
        return (yield from load_dlt(dlt.destinations.postgres(address), size, **options))
