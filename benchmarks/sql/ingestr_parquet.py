"""ingestr: the program of the wheel, into a parquet file.

For DuckDB it would first download a driver. It writes a uuid as the text of a list of bytes, `[196 202 66 ...]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.sql.outcome import read_outcome
from benchmarks.sql.table import DSN


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the program."""
    file = folder / "orders.parquet"
    source = ["--source-uri", os.environ[DSN], "--source-table", "shop.orders"]
    target = ["--dest-uri", f"parquet://{file}", "--dest-table", "raw.orders", "--yes", "--progress", "log"]
    ingestr = str(Path(sys.executable).parent / "ingestr")
    subprocess.run([ingestr, "ingest", *source, *target], stdout=subprocess.DEVNULL, check=True)
    yield "load"
    return read_outcome(None, size, f"read_parquet('{file}')", without=["token"])
