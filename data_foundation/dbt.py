"""The dbt project as assets: every model runs when its own upstreams have landed."""

# Dagster compares the annotation of `context` with its classes: no `from __future__ import annotations` here.
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from filelock import FileLock

from data_foundation.automation import model_condition
from data_foundation.dbt_run import DBT
from data_foundation.warehouse import Warehouse


class ModelTranslator(DagsterDbtTranslator):
    """Gives models the automation of this project; keys stay dagster-dbt's own, which are the keys of raw tables."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Returns the spec of one model, seed or snapshot."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec if spec.automation_condition else spec.replace_attributes(automation_condition=model_condition())


def build_dbt_assets(root: Path, warehouse: Warehouse) -> dg.Definitions:
    """Returns the assets of `root/dbt_project`, whose manifest is built here where it is missing or out of date."""
    project = DbtProject(root / "dbt_project", profiles_dir=root / "dbt_project", target=warehouse.kind)
    dbt = DbtCliResource(project, dbt_executable=str(DBT))
    prepare_manifest(project, dbt, warehouse)

    @dbt_assets(manifest=project.manifest_path, project=project, dagster_dbt_translator=ModelTranslator(), pool="dbt")
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with warehouse.dbt_environment():
            yield from dbt.cli(["build"], context=context).stream()

    return dg.Definitions(assets=[dbt_models])


def prepare_manifest(project: DbtProject, dbt: DbtCliResource, warehouse: Warehouse) -> None:
    """Parses the dbt project where its manifest is missing or a file of the project is newer."""
    manifest = project.manifest_path
    if _is_current(manifest, project.project_dir):
        return
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(manifest.with_suffix(".lock")):
        if not _is_current(manifest, project.project_dir):
            warehouse.publish_dbt_settings()
            # Whoever reads the manifest meanwhile gets the old one or the new one, whole.
            parsed = manifest.parent / "parse"
            dbt.cli(["parse", "--quiet"], target_path=parsed).wait()
            (parsed / manifest.name).replace(manifest)


def _is_current(manifest: Path, project_dir: Path) -> bool:
    if not manifest.exists():
        return False
    built = manifest.stat().st_mtime_ns
    folders = [project_dir / name for name in ("models", "macros", "seeds", "snapshots", "tests")]
    files = [*project_dir.glob("*.yml"), *(file for folder in folders for file in folder.rglob("*"))]
    return all(file.stat().st_mtime_ns <= built for file in files if file.is_file())
