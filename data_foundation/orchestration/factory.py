"""Builds the Dagster definitions of all source folders: an op per source and partitioning, an asset per resource."""

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import dagster as dg

from data_foundation.config.fields import Partitions
from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import FoundationError, Problem
from data_foundation.orchestration.alerts.definitions import build_alerts
from data_foundation.orchestration.asset_keys import AssetKeys, find_changed_keys, to_metadata
from data_foundation.orchestration.automation import with_automation_tags
from data_foundation.orchestration.broken_sources import build_broken_assets
from data_foundation.orchestration.executor_setting import find_executor
from data_foundation.orchestration.history.killed_loads import build_killed_loads_sensor
from data_foundation.orchestration.ops.observed_executor import observed
from data_foundation.orchestration.ops.op import build_loading_op
from data_foundation.orchestration.schedules.schedule import build_schedules
from data_foundation.orchestration.translator import (
    ResourceAssets,
    ResourceData,
    SourceTranslator,
)
from data_foundation.project.find_sources import BrokenSource, FoundSource, find_sources
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.settings import build_warehouse, executor_name, is_traced


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Excludes the definitions, which live as long as the process, from garbage collection, now and later.

    For a large tree collections took a third of the time, and each later one would traverse all definitions again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # Only once: a process that builds definitions repeatedly, as tests do, must be able to free the older ones.
            if gc.get_freeze_count() == 0:
                gc.freeze()
            gc.enable()


def build_definitions(
    root: Path,
    warehouse: Warehouse | None = None,
    translator: SourceTranslator | None = None,
    automation_seconds: int = 30,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """Returns the definitions of every source under `root/dlthub`.

    Runs no user code (except a source's own `definitions.py`), opens no connection and creates no folder. A broken
    source folder becomes one asset that fails with the errors of the folder.

    Args:
        root: The repository.
        warehouse: The warehouse to load into. Default: the warehouse of the settings.
        translator: Decides key, group, tags, owners and the other attributes of every asset; subclass
            `SourceTranslator` to change them. Default: SourceTranslator().
        automation_seconds: Interval at which the daemon evaluates the automation conditions.
        executor: Runs the ops of a run. Default: the executor that the setting `EXECUTOR` names.
    """
    executor = executor or find_executor(executor_name(root))
    warehouse = warehouse or build_warehouse(root)
    return build_part(root, warehouse, translator or SourceTranslator(), automation_seconds, executor)


@_no_garbage_collection()
def build_part(  # noqa: PLR0913, PLR0917 - those of build_definitions, and its place in a larger code location
    root: Path,
    warehouse: Warehouse,
    translator: SourceTranslator,
    automation_seconds: int = 30,
    executor: dg.ExecutorDefinition | None = None,
    name: str = "",
) -> dg.Definitions:
    """Returns the definitions of every source under `root/dlthub`, as a part of a code location that may have others.

    Args:
        root: As of `build_definitions`.
        warehouse: The same.
        translator: The same.
        automation_seconds: The same.
        executor: The same.
        name: Name of the part, with which the names of its schedules and sensors begin.
    """
    sources, broken = find_sources(root)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    loaded: list[list[ResourceAssets]] = []
    sources_by_key: dict[dg.AssetKey, str] = {}
    changed_keys: dict[dg.AssetKey, dg.AssetKey] = {}
    for source in sources:
        try:
            spec, resources = translate_source(source, warehouse, translator)
            ops = list(build_loading_ops(source, resources, warehouse))
            _claim_keys(spec, resources, source.config.name, sources_by_key)
            changed_keys.update(find_changed_keys(resources, translator.key_pattern))
            assets += [spec, *ops]
            loaded.append(resources)
        except Exception as error:  # noqa: BLE001 - an error in one source must not hide the others
            broken.append(BrokenSource(source.config.folder, (Problem(source.config.file, str(error)),)))
    assets.extend(build_broken_assets(broken))
    resources = [one for several in loaded for one in several]
    sensors, schedules = build_alerts(root, resources, broken, warehouse, name)
    keys = AssetKeys(changed_keys, translator.key_pattern)
    return dg.Definitions(
        assets=assets,
        schedules=[*build_schedules(loaded, name), *schedules],
        sensors=[
            build_automation_sensor(automation_seconds),
            build_killed_loads_sensor(resources, warehouse, name),
            *sensors,
        ],
        executor=observed(executor) if executor and is_traced() else executor,
        metadata=to_metadata(keys),
    )


def _claim_keys(
    spec: dg.AssetSpec, resources: Iterable[ResourceAssets], source: str, sources_by_key: dict[dg.AssetKey, str]
) -> None:
    """Adds the keys of a source's assets to `sources_by_key`.

    Raises:
        FoundationError: Another table has the key: Dagster would refuse the whole code location.
    """
    claimed: dict[dg.AssetKey, str] = {}
    for key in (spec.key, *(key for assets in resources for key in assets.keys)):
        if owner := claimed.get(key) or sources_by_key.get(key):
            raise FoundationError(
                f"asset key {key.to_user_string()}: already used in dlthub/{owner}; accepted: a key that no "
                "other table has; change get_asset_key or get_asset_spec of the translator"
            )
        claimed[key] = source
    sources_by_key.update(claimed)


def build_automation_sensor(seconds: int) -> dg.AutomationConditionSensorDefinition:
    """Returns the sensor that evaluates all automation conditions; it is running by default."""
    return dg.AutomationConditionSensorDefinition(
        "default_automation_condition_sensor",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=seconds,
    )


def translate_source(
    source: FoundSource, warehouse: Warehouse, translator: SourceTranslator
) -> tuple[dg.AssetSpec, list[ResourceAssets]]:
    """Returns the spec of a source's external asset, and the assets of each of its resources."""
    spec = translator.get_source_spec(source.config)
    return spec, [_resource_assets(data, translator) for data in _resource_data(source, warehouse, spec.key)]


def build_loading_ops(
    source: FoundSource, resources: Iterable[ResourceAssets], warehouse: Warehouse
) -> Iterator[dg.AssetsDefinition]:
    """Yields an op for each partitioning among the resources of a source."""
    by_partitioning: dict[Partitions | None, list[ResourceAssets]] = defaultdict(list)
    for assets in resources:
        by_partitioning[assets.data.resource.partitions].append(assets)
    names = _op_names(source.config.name, list(by_partitioning))
    for name, members in zip(names, by_partitioning.values(), strict=True):
        yield build_loading_op(name, members, warehouse)


def _resource_data(source: FoundSource, warehouse: Warehouse, upstream: dg.AssetKey) -> Iterator[ResourceData]:
    """Yields the translator's argument for each resource of a source."""
    config = source.config
    declared = {
        resource.destination: (resource, entry, place)
        for resource, entry, place in zip(config.resources, source.entries, config.places, strict=True)
    }

    def describe(destination: str) -> ResourceData:
        resource, entry, place = declared[destination]
        parent = config.find_parent(resource)
        return ResourceData(
            source=config,
            resource=resource,
            place=entry.place,
            facts=entry.facts,
            warehouse_kind=resource.lands_in or warehouse.kind,
            declared=place,
            source_key=upstream,
            parent=describe(parent.destination) if parent else None,
            suffix=warehouse.suffix,
            database=_database(resource, warehouse),
        )

    yield from map(describe, declared)


def _database(resource: ResourceConfig, warehouse: Warehouse) -> str:
    """Returns the name of the database that a resource lands in, "" if settings of it are missing."""
    with suppress(FoundationError):
        return warehouse.serving(resource).database
    return ""


def _resource_assets(data: ResourceData, translator: SourceTranslator) -> ResourceAssets:
    """Returns the specs of a resource's tables; tags that automation relies on are added if they are missing."""
    partitions = data.resource.partitions
    tagged = partial(with_automation_tags, partitions=partitions.by if partitions else None)
    table = tagged(translator.get_asset_spec(data))
    children = (translator.get_child_spec(data, child, table) for child in data.resource.child_tables)
    further = (translator.get_table_spec(data, name, table) for name in data.resource.tables)
    return ResourceAssets(data, table, tuple(map(tagged, children)), tuple(map(tagged, further)))


def _op_names(source: str, partitionings: Sequence[Partitions | None]) -> list[str]:
    """Returns a name for each op of a source; partitionings that differ in more than unit and start get a number."""
    names: list[str] = []
    for partitions in partitionings:
        name = f"{source}__{partitions.by}_{partitions.start:%Y%m%d}" if partitions else source
        same = sum(other == name or other.startswith(f"{name}_n") for other in names)
        names.append(f"{name}_n{same + 1}" if same else name)
    return names
