"""The limit: PostgreSQL's binary format, received by its own client and discarded."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql.table import DSN
from tests.support.postgres_server import BINARIES


def measure(_folder: Path, _size: int) -> Generator[str, None, Any]:
    """Measures the client and the wait for the server; only the other sides have hashes of a table."""
    command = ["-c", r"\copy (SELECT * FROM shop.orders) TO '/dev/null' (FORMAT binary)"]
    subprocess.run([BINARIES / "psql", os.environ[DSN], "--quiet", *command], check=True)
    yield "load"
    return {"content": {}}
