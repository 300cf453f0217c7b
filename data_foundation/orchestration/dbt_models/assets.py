"""Builds the assets of the dbt project: each model runs when its own upstreams have landed."""

# Dagster compares the annotation of `context` with its classes, so no `from __future__ import annotations` here.
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from typing_extensions import override

from data_foundation.dbt.command import find_project, target_of
from data_foundation.dbt.relations import Relations
from data_foundation.errors import FoundationError
from data_foundation.loading.stop import GRACE_SECONDS
from data_foundation.loading.telemetry.observers import observe_models
from data_foundation.orchestration.asset_keys import AssetKeys, read_asset_keys
from data_foundation.orchestration.automation import model_condition
from data_foundation.orchestration.dbt_models.deferred_dbt_core import without_dbt_core
from data_foundation.orchestration.dbt_models.manifest import build_dbt, prepare_manifest
from data_foundation.orchestration.dbt_models.metadata import ModelMetadata, with_metadata
from data_foundation.orchestration.ops.stop import ending
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.settings import DBT_TARGET_PATH, find_folder

_WITHOUT_DBT = (
    "Tables land in {place}, where dbt cannot run. Set `WAREHOUSE` to duckdb, snowflake, postgres, ducklake or lake, "
    "and set `warehouse: {kind}` on the resources that belong there."
)


class ModelTranslator(DagsterDbtTranslator):
    """Gives models an automation condition, and dbt sources the keys of the assets that load them.

    A model whose `meta` has `dagster: {automation: manual}` has none: Dagster may know no upstream of it.
    Models keep dagster-dbt's keys. The key of a source is dataset and table unless a `SourceTranslator` changed it.
    """

    def __init__(self, keys: AssetKeys) -> None:
        super().__init__()
        self._keys = keys

    @override
    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Returns the key of a model, seed, snapshot or source."""
        key = super().get_asset_key(dbt_resource_props)
        if dbt_resource_props["resource_type"] != "source":
            return key
        # A source whose YAML sets a key of its own keeps it.
        table = [dbt_resource_props["source_name"], dbt_resource_props["name"]]
        return self._keys.find(key) if list(key.path) == table else key

    @override
    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        meta = manifest["nodes"].get(unique_id, {}).get("config", {}).get("meta", {})
        if spec.automation_condition or meta.get("dagster", {}).get("automation") == "manual":
            return spec
        return spec.replace_attributes(automation_condition=model_condition())


def build_dbt_assets(root: Path, warehouse: Warehouse, ingestion: dg.Definitions | None = None) -> dg.Definitions:
    """Returns the assets of `root/dbt_project`; its manifest is built first if it is missing or outdated.

    If there is no dbt project, or dbt cannot run in the warehouse, one asset stands for the models, with the reason in
    its description.

    Args:
        root: The repository.
        warehouse: The warehouse in which dbt builds the models.
        ingestion: The result of `build_definitions`: models then find tables whose asset key a translator changed.
            Default: the keys are dataset and table.
    """
    if not warehouse.runs_dbt:
        return dg.Definitions(
            assets=[_placeholder(_WITHOUT_DBT.format(place=warehouse.describe(), kind=warehouse.kind))]
        )
    warehouse = warehouse.models
    try:
        find_project(root := root.resolve())  # dbt runs in another folder
    except FoundationError as error:
        return dg.Definitions(assets=[_placeholder(str(error))])
    manifest, dbt = prepare_manifest(root, warehouse), build_dbt(root, warehouse)
    project = DbtProject(
        dbt.project_dir, target_path=manifest.parent, profiles_dir=dbt.profiles_dir, target=warehouse.kind
    )
    translator = ModelTranslator(read_asset_keys(ingestion) if ingestion else AssetKeys())

    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        target = _prepare_target(target_of(warehouse, find_folder(DBT_TARGET_PATH, root)), manifest, context.run_id)
        metadata = ModelMetadata(Relations(json.loads(manifest.read_bytes()), target), translator)

        def build() -> Iterator[Any]:
            invocation = dbt.cli(["build"], context=context, target_path=target)
            invocation.termination_timeout_seconds = GRACE_SECONDS
            try:
                with ending(invocation.process, "dbt"):
                    yield from invocation.stream()
            finally:
                observe_models(target, warehouse, context.run_id)

        yield from with_metadata(build, metadata, warehouse, context.log)

    with without_dbt_core():
        decorate = dbt_assets(manifest=manifest, project=project, dagster_dbt_translator=translator, pool="dbt")
        models = decorate(dbt_models)
    return dg.Definitions(assets=[models])


def _prepare_target(folder: Path, manifest: Path, run_id: str) -> Path:
    """Returns the target folder of a run, with a copy of the last parse result so that dbt need not parse again."""
    target = folder / f"run-{run_id[:8]}"
    DBT_TARGET_PATH.create(target)
    with suppress(FileNotFoundError):
        shutil.copy(manifest.with_name("parse") / "partial_parse.msgpack", target)
    return target


def _placeholder(reason: str) -> dg.AssetSpec:
    """Returns the asset that stands for models which cannot be built."""
    return dg.AssetSpec(
        "dbt_models",
        group_name="dbt",
        kinds={"dbt"},
        description=f"**The dbt models are not built.** {reason}",
    )
