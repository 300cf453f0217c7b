"""Runs `dbt build` as a subprocess, for `foundation run --dbt`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from data_foundation.errors import FoundationError
from data_foundation.warehouses.settings import dbt_environment

if TYPE_CHECKING:
    from data_foundation.naming import TableName
    from data_foundation.warehouses.base import Warehouse

DBT = Path(sys.executable).parent / "foundation-dbt"
"""dbt in this Python environment, as a process that does not outlive this one; see `child`."""


@dataclass(frozen=True)
class ModelResult:
    """The result of one dbt model, or of a dbt test that did not pass.

    Attributes:
        name: schema.table of a model, or the name of a test.
        state: The status that dbt reports, for instance success or error.
        seconds: Execution time.
        rows: Row count of the model's relation after the build, None if it was not built.
        message: dbt's message, "" if there is none.
    """

    name: str
    state: str
    seconds: float
    rows: int | None = None
    message: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the model was built, or the test passed."""
        return self.state in ("success", "pass")


def build_models(root: Path, warehouse: Warehouse, absent: Iterable[TableName] = ()) -> list[ModelResult]:
    """Runs `dbt build`, and returns the result of every model and of every test that did not pass.

    Args:
        root: The repository.
        warehouse: The warehouse in which dbt builds the models.
        absent: Tables that did not land: the models that read them are excluded.

    Raises:
        FoundationError: dbt exited without writing run_results.json.
    """
    project = root / "dbt_project"
    # A separate target folder: Dagster may be reading the manifest of its own.
    target = project / "target" / warehouse.deployment / "command_line"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = [str(DBT), "--quiet", "build", "--project-dir", str(project)]
    command += ["--profiles-dir", str(project), "--target", warehouse.kind, "--target-path", str(target)]
    if excluded := [f"source:{table}+" for table in absent]:
        command += ["--exclude", *excluded]
    with dbt_environment(warehouse):
        process = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)  # noqa: S603 - no user input
    if not results.exists():
        output = (process.stdout + process.stderr).strip()[-4000:]
        message = f"dbt build: exited with code {process.returncode} before it built a model:\n{output}"
        raise FoundationError(message)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models = []
    for result in json.loads(results.read_text())["results"]:
        node = nodes[result["unique_id"]]
        is_model = node["resource_type"] in ("model", "seed", "snapshot")
        name = f"{node['schema']}.{node['name']}" if is_model else node["name"]
        if is_model or result["status"] not in ("success", "pass"):
            models.append(ModelResult(name, result["status"], result["execution_time"], None, result["message"] or ""))
    return _with_rows(models, warehouse)


def _with_rows(models: list[ModelResult], warehouse: Warehouse) -> list[ModelResult]:
    """Returns the models with the row counts of their relations, sorted by layer and name."""
    layers = list(dict.fromkeys(model.name.split(".")[0] for model in models))
    ordered = sorted(models, key=lambda model: (layers.index(model.name.split(".")[0]), model.name))
    with warehouse.query() as query:
        return [
            replace(model, rows=query(f"SELECT COUNT(*) FROM {model.name}")[0][0])  # noqa: S608 - our own relation
            if model.succeeded and "." in model.name
            else model
            for model in ordered
        ]
