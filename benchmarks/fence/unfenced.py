"""The project without its fence: the loads take no lock and compare nothing before they commit."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.fence.phases import measure_runs
from data_foundation.warehouses.connection import Statement
from data_foundation.warehouses.fence import Fence
from data_foundation.warehouses.postgres.destination import TransactionalPostgres

FENCED = TransactionalPostgres.transaction


def begin_unfenced(
    destination: TransactionalPostgres, first: Sequence[Statement] = (), fence: Fence | None = None
) -> AbstractContextManager[None]:
    """Returns the transaction of a load, without the fence."""
    del fence
    return FENCED(destination, first, None)


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures runs of the source."""
    with patch.object(TransactionalPostgres, "transaction", begin_unfenced):
        return (yield from measure_runs(folder, size))
