"""Finds or parses dbt's manifest, from which the models become assets."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource
from filelock import FileLock
from packaging.version import Version
from typing_extensions import override

from data_foundation.dbt.command import DBT, target_of
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.settings import DBT_TARGET_PATH, find_folder, publish_dbt_settings


class InstalledDbt(DbtCliResource):
    """The dbt CLI of this Python environment, without dagster-dbt's slow version query and its unused adapter."""

    @cached_property
    @override
    def _cli_version(self) -> Version:
        """The version of dbt-core. dagster-dbt runs `dbt --version`: three seconds of CPU and a request to PyPI."""
        return Version(importlib.metadata.version("dbt-core"))

    @override
    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        """Opens no adapter, for which all of dbt-core would be imported.

        dagster-dbt uses it for `fetch_row_count` and `fetch_column_metadata`; `metadata` reads both by the warehouse.
        """
        return None


def build_dbt(root: Path, warehouse: Warehouse) -> InstalledDbt:
    """Returns the dbt CLI for `root/dbt_project`, with the target of the warehouse."""
    folder = str(root / "dbt_project")
    return InstalledDbt(project_dir=folder, profiles_dir=folder, target=warehouse.kind, dbt_executable=str(DBT))


def prepare_manifest(root: Path, warehouse: Warehouse) -> Path:
    """Returns the manifest of a deployment; parses the dbt project first if it is missing or outdated.

    An image contains one, in dbt's own folder of the repository, which may be read-only: it is used if it is current.
    Any other is in the folder that `DBT_TARGET_PATH` names.

    Args:
        root: The repository.
        warehouse: The warehouse in which dbt builds the models.
    """
    project = root / "dbt_project"
    folders = [root / DBT_TARGET_PATH.default, find_folder(DBT_TARGET_PATH, root)]
    shipped, manifest = (target_of(warehouse, folder) / "manifest.json" for folder in folders)
    for found in (shipped, manifest):
        if _is_current(found, project):
            return found
    DBT_TARGET_PATH.create(manifest.parent)
    with FileLock(manifest.with_suffix(".lock")):
        if not _is_current(manifest, project):
            publish_dbt_settings(warehouse)
            # Parsed in another folder and moved: a process that reads the manifest meanwhile never sees half a file.
            parsed = manifest.parent / "parse"
            build_dbt(root, warehouse).cli(["parse", "--quiet"], target_path=parsed).wait()
            (parsed / manifest.name).replace(manifest)
    return manifest


def _is_current(manifest: Path, project: Path) -> bool:
    """Returns whether there is a manifest, and no file of the project is newer."""
    if not manifest.exists():
        return False
    built = manifest.stat().st_mtime_ns
    folders = [project / name for name in ("models", "macros", "seeds", "snapshots", "tests")]
    files = [*project.glob("*.yml"), *(file for folder in folders for file in folder.rglob("*"))]
    return all(file.stat().st_mtime_ns <= built for file in files if file.is_file())
