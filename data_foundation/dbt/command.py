"""Runs `dbt build` as a subprocess, for `foundation run --dbt`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from data_foundation.dbt.selection import RELATIONS
from data_foundation.errors import FoundationError
from data_foundation.warehouses.settings import (
    DBT_TARGET_PATH,
    dbt_environment,
    dbt_folders,
    find_folder,
    publish_dbt_settings,
)

if TYPE_CHECKING:
    from data_foundation.naming import TableName
    from data_foundation.warehouses.base import Warehouse

DBT = Path(sys.executable).parent / "foundation-dbt"
"""dbt in this Python environment, as a process that does not outlive this one; see `child`."""


@dataclass(frozen=True)
class ModelResult:
    """The result of one dbt model, dbt test or hook.

    Attributes:
        unique_id: dbt's id of the node, for instance model.data_foundation.dim_airport.
        name: schema.table of a model, or the name of a test.
        state: The status that dbt reports, for instance success or error.
        seconds: Execution time.
        rows: Row count of the model's relation after the build, None if it was not built.
        message: dbt's message, "" if there is none.
        failures: Rows that fail a test, None for a model.
    """

    unique_id: str
    name: str
    state: str
    seconds: float
    rows: int | None = None
    message: str = ""
    failures: int | None = None

    @property
    def is_model(self) -> bool:
        """Whether it is a model, seed or snapshot, not a test or a hook."""
        return self.unique_id.partition(".")[0] in RELATIONS

    @property
    def succeeded(self) -> bool:
        """Whether the model was built, or the test passed, with a warning or without one."""
        return self.state in ("success", "pass", "warn")

    @property
    def is_warning(self) -> bool:
        """Whether a test of severity `warn` found rows; dbt itself exits with 0 then."""
        return self.state == "warn"


def find_project(root: Path) -> Path:
    """Returns the folder of the dbt project.

    Raises:
        FoundationError: There is none.
    """
    project = root / "dbt_project"
    if not (project / "dbt_project.yml").is_file():
        message = (
            f"{project}: there is no dbt_project.yml; copy dbt_project/ from what `foundation init` writes elsewhere"
        )
        raise FoundationError(message)
    return project


def command_line_target(root: Path, warehouse: Warehouse) -> Path:
    """Returns the target folder of `foundation run --dbt`: Dagster may be reading the manifest of its own."""
    return target_of(warehouse, find_folder(DBT_TARGET_PATH, root)) / "command_line"


def target_of(warehouse: Warehouse, parent: Path) -> Path:
    """Returns the folder of dbt's artifacts below `parent`: a manifest names the database and the schemas."""
    return parent / warehouse.deployment / quote(warehouse.database, safe="")


def build_models(
    root: Path, warehouse: Warehouse, absent: Sequence[TableName] = (), select: Sequence[str] = ()
) -> list[ModelResult]:
    """Runs `dbt build`, and returns the results of all models and tests in the order in which dbt finished them.

    Args:
        root: The repository.
        warehouse: The warehouse in which dbt builds the models.
        absent: Tables that did not land: the models that read them are excluded.
        select: Selectors of dbt. Default: all models.

    Raises:
        FoundationError: dbt exited without writing run_results.json.
    """
    results = command_line_target(root, warehouse) / "run_results.json"
    results.unlink(missing_ok=True)
    excluded = [f"source:{table}+" for table in absent]
    options = [*(["--select", *select] if select else []), *(["--exclude", *excluded] if excluded else [])]
    with dbt_environment(warehouse):
        process = _run_dbt(root, warehouse, "build", *options)
    if not results.exists():
        raise _failure(process, "before it built a model")
    nodes = read_manifest(root, warehouse)["nodes"]
    models = [_result(result, nodes) for result in json.loads(results.read_text())["results"]]
    if select and not models:
        name = " ".join(select)
        return [ModelResult(name, name, "nothing selected", 0.0, message=_explain_nothing(absent))]
    return _with_rows(models, warehouse)


def run_by_hand(root: Path, warehouse: Warehouse, arguments: Sequence[str]) -> int:
    """Runs any command of dbt with the settings of the warehouse and the paths of the project; returns its exit code.

    What dbt prints goes to the terminal.

    Raises:
        FoundationError: There is no dbt project, or dbt cannot run in the warehouse.
    """
    if not warehouse.runs_dbt:
        raise FoundationError(
            f"dbt cannot run in {warehouse.describe()}; set WAREHOUSE to duckdb, snowflake, postgres, ducklake or lake"
        )
    warehouse = warehouse.models
    project = find_project(root)
    with dbt_environment(warehouse), dbt_folders(project, warehouse.kind, command_line_target(root, warehouse)):
        return subprocess.run([str(DBT), *arguments], cwd=project, check=False).returncode  # noqa: S603 - no shell


def parse_project(root: Path, warehouse: Warehouse) -> Mapping[str, Any]:
    """Runs `dbt parse`, and returns the manifest.

    Raises:
        FoundationError: The project has errors.
    """
    publish_dbt_settings(warehouse)
    process = _run_dbt(root, warehouse, "parse")
    if process.returncode:
        raise _failure(process, "while it parsed the project")
    return read_manifest(root, warehouse)


def read_manifest(root: Path, warehouse: Warehouse) -> Mapping[str, Any]:
    """Returns the manifest that the last command wrote."""
    manifest: Mapping[str, Any] = json.loads((command_line_target(root, warehouse) / "manifest.json").read_text())
    return manifest


def _explain_nothing(absent: Sequence[TableName]) -> str:
    waiting = f", except of tables that failed or do not exist yet: {', '.join(map(str, absent))}" if absent else ""
    return f"no model or test of dbt_project/ is selected{waiting}"


def _run_dbt(root: Path, warehouse: Warehouse, subcommand: str, *options: str) -> subprocess.CompletedProcess[str]:
    project = find_project(root)
    command = [str(DBT), "--quiet", "--no-use-colors", subcommand]
    command += ["--project-dir", str(project), "--profiles-dir", str(project)]
    command += ["--target", warehouse.kind, "--target-path", str(command_line_target(root, warehouse)), *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)  # noqa: S603 - no shell


def _failure(process: subprocess.CompletedProcess[str], when: str) -> FoundationError:
    output = (process.stdout + process.stderr).strip()[-4000:]
    return FoundationError(f"dbt: exited with code {process.returncode} {when}:\n{output}")


def _result(result: Mapping[str, Any], nodes: Mapping[str, Any]) -> ModelResult:
    unique_id = result["unique_id"]
    model = ModelResult(
        unique_id,
        unique_id,
        result["status"],
        result["execution_time"],
        None,
        result["message"] or "",
        result.get("failures"),
    )
    if node := nodes.get(unique_id):  # not a unit test
        model = replace(model, name=f"{node['schema']}.{node['alias']}" if model.is_model else node["name"])
    return model


def _with_rows(models: list[ModelResult], warehouse: Warehouse) -> list[ModelResult]:
    """Returns the models with the row counts of their relations."""
    with warehouse.query() as query:
        return [
            replace(model, rows=query(f"SELECT COUNT(*) FROM {model.name}")[0][0])  # noqa: S608 - our own relation
            if model.succeeded and model.is_model
            else model
            for model in models
        ]
