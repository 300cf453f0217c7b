"""dbt started as its own command, for a run without Dagster."""

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

DBT = Path(sys.executable).parent / "dbt"
"""The dbt of this environment, active or not."""


@dataclass(frozen=True)
class ModelResult:
    """How dbt ended one model, or a test that did not pass.

    Attributes:
        name: schema.table of a model, the test's name otherwise.
        state: dbt's word.
        seconds: Spent on it.
        rows: In the model's relation afterwards.
        message: dbt's, where it did not succeed.
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
    """Runs `dbt build` and returns how every model ended, and every test that did not pass.

    Args:
        root: The repository.
        warehouse: Where the models are built.
        absent: Dataset and table of what did not land: the models that read it are left out.

    Raises:
        FoundationError: dbt ended without an account of what it did.
    """
    project = root / "dbt_project"
    # A folder of its own: Dagster may be reading its manifest at this moment.
    target = project / "target" / warehouse.deployment / "command_line"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = [str(DBT), "--quiet", "build", "--project-dir", str(project)]
    command += ["--profiles-dir", str(project), "--target", warehouse.kind, "--target-path", str(target)]
    if excluded := [f"source:{table}+" for table in absent]:
        command += ["--exclude", *excluded]
    with dbt_environment(warehouse):
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)  # noqa: S603 - no user input
    if not results.exists():
        message = f"dbt build ended with code {done.returncode}:\n{(done.stdout + done.stderr).strip()[-4000:]}"
        raise FoundationError(message)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models = []
    for found in json.loads(results.read_text())["results"]:
        node = nodes[found["unique_id"]]
        is_model = node["resource_type"] in ("model", "seed", "snapshot")
        name = f"{node['schema']}.{node['name']}" if is_model else node["name"]
        if is_model or found["status"] not in ("success", "pass"):
            models.append(ModelResult(name, found["status"], found["execution_time"], None, found["message"] or ""))
    return _with_rows(models, warehouse)


def _with_rows(models: list[ModelResult], warehouse: Warehouse) -> list[ModelResult]:
    """Returns the models with the rows that their relations have now, layer by layer."""
    layers = list(dict.fromkeys(model.name.split(".")[0] for model in models))
    ordered = sorted(models, key=lambda model: (layers.index(model.name.split(".")[0]), model.name))
    with warehouse.query() as query:
        return [
            replace(model, rows=query(f"SELECT COUNT(*) FROM {model.name}")[0][0])  # noqa: S608 - our own relation
            if model.succeeded and "." in model.name
            else model
            for model in ordered
        ]
