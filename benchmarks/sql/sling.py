"""Sling, into DuckDB by DuckDB's command line; it turns a double into a float."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.sql.outcome import read_outcome
from benchmarks.sql.table import DSN


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the program and the processes that it starts."""
    settings = install_duckdb(folder)
    database = folder / "sling.duckdb"
    run(["--tgt-conn", f"duckdb://{database}", "--tgt-object", "raw.orders"], settings)
    yield "load"
    return read_outcome(database, size, "raw.orders", without=["score"])


def run(target: list[str], settings: dict[str, str]) -> None:
    """Runs Sling from the table to a target."""
    # The launcher beside it would first import a library.
    sling = _package("sling_linux_amd64") / "bin" / "sling-linux-amd64"
    source = ["--src-conn", f"{os.environ[DSN]}?sslmode=disable", "--src-stream", "shop.orders"]
    subprocess.run(
        [sling, "run", *source, *target], env={**os.environ, **settings}, stdout=subprocess.DEVNULL, check=True
    )


def install_duckdb(folder: Path) -> dict[str, str]:
    """Returns the settings for DuckDB and its extension; without them Sling and DuckDB would download both."""
    (extension,) = _package("duckdb_extension_json").glob("extensions/*/json.duckdb_extension")
    number = extension.parent.name
    place = folder / ".duckdb" / "extensions" / number / "linux_amd64"
    place.mkdir(parents=True)
    shutil.copy(extension, place)
    program = _package("duckdb_cli") / "duckdb"
    return {"HOME": str(folder), "DUCKDB_PATH": str(program), "DUCKDB_VERSION": number.removeprefix("v")}


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed beside {sys.executable}")
    return Path(found.origin).parent
