"""dbt builds of this project in a warehouse with the sandbox's rows, and their results."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
LAYERS = ("staging", "intermediate", "marts")


@dataclass(frozen=True)
class Build:
    """A warehouse in which dbt has built every model.

    Attributes:
        folder: Folder of all its files.
        target: Folder of dbt's artifacts.
    """

    folder: Path
    target: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest of dbt."""
        return dict(json.loads((self.target / "manifest.json").read_text()))

    @property
    def warehouse(self) -> DuckDBWarehouse:
        """The warehouse of the build."""
        return DuckDBWarehouse(self.folder / "pipelines", str(self.folder / "warehouse.duckdb"))

    @property
    def models(self) -> dict[str, Any]:
        """The manifest's models by name."""
        return {node["name"]: node for node in self.manifest["nodes"].values() if node["resource_type"] == "model"}

    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement."""
        with duckdb.connect(self.warehouse.path, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def records(self, table: str) -> list[dict[str, Any]]:
        """Returns the rows of a table by column name."""
        with duckdb.connect(self.warehouse.path, read_only=True) as connection:
            rows = connection.execute(f"FROM {table}")
            names = [column[0] for column in rows.description]
            return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def run_dbt(command: Sequence[str], folder: Path, **environment: str) -> str:
    """Runs dbt on the project without changing its folder; returns the output."""
    paths = {"--project-dir": PROJECT, "--profiles-dir": PROJECT, "--target-path": folder, "--log-path": folder}
    options = [str(part) for option in paths.items() for part in option]
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *command, *options],
        env={**os.environ, "WAREHOUSE": "duckdb", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def build(warehouse: DuckDBWarehouse, folder: Path) -> None:
    """Runs `dbt build` in a warehouse; warnings fail too."""
    output = run_dbt(["build"], folder, **warehouse.dbt_settings())
    assert re.search(r"WARN=0 ERROR=0 SKIP=0", output), output


def read_models(path: str) -> dict[str, list[Any]]:
    """Returns the sorted rows of every model."""
    with duckdb.connect(path, read_only=True) as connection:
        found = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ?", [LAYERS]
        ).fetchall()
        return {name: sorted(connection.execute(f"FROM {name}").fetchall(), key=repr) for (name,) in found}


def build_once(loaded: DuckDBWarehouse, folder: Path) -> Build:
    """Builds every model in a copy of a loaded warehouse."""
    shutil.copytree(Path(loaded.path).parent, folder / "once")
    built = Build(folder / "once", folder / "target")
    build(built.warehouse, built.target)
    return built


def build_again(built: Build, ingest: Callable[[DuckDBWarehouse], None], folder: Path) -> dict[str, list[Any]]:
    """Loads and builds a second time, in a copy; returns the rows of every model."""
    shutil.copytree(built.folder, folder / "twice")
    again = Build(folder / "twice", built.target)
    ingest(again.warehouse)
    build(again.warehouse, again.target)
    return read_models(again.warehouse.path)
