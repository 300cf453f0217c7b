"""Folders to Dagster definitions: one op per source and partitioning, one asset per resource."""

import enum
import gc
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from data_foundation.automation import ingest_condition
from data_foundation.errors import Problem
from data_foundation.fields import Automation, Partitions
from data_foundation.landed import LoadResult
from data_foundation.materialization import child_result, table_result
from data_foundation.naming import child_key, table_key
from data_foundation.options import LoadOptions
from data_foundation.progress import Progress
from data_foundation.runner import Outcome, Task, load_side_by_side
from data_foundation.translator import ResourceData, SourceTranslator, source_key
from data_foundation.tree import BrokenSource, FoundSource, find_sources
from data_foundation.warehouse import Warehouse, build_warehouse

PROGRESS_SECONDS = 5.0
"""How often a load that does not end a phase says how far it is."""


class Refresh(enum.Enum):
    """What is forgotten before loading."""

    none = "none"
    state = "state"
    drop = "drop"


class IngestConfig(dg.Config):
    """What a person may ask of one run, in the launchpad."""

    start: str | None = Field(default=None, description="Load from this date, time or value on; the cursor stays.")
    end: str | None = Field(default=None, description="Load up to, not including, this date, time or value.")
    limit: int | None = Field(default=None, ge=0, description="At most this many rows per resource, for a sample.")
    refresh: Refresh = Field(
        default=Refresh.none, description="state: forget the cursor and load all again; drop: drop the table first."
    )
    kwargs: dict[str, Any] = Field(
        default={}, description="Keyword arguments by table, for instance {airports: {...}}."
    )


_INGEST_FIELDS = IngestConfig.to_fields_dict()
"""Read once: an argument annotated with IngestConfig would have it translated anew for every source."""


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Spares what is built here, which lives as long as the process, the search for garbage, now and ever after.

    For a large tree the search was a third of the time, and each later one would walk the whole tree again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # Once: a process that builds again and again, as tests do, must be able to forget.
            if gc.get_freeze_count() == 0:
                gc.freeze()
            gc.enable()


@_no_garbage_collection()
def build_definitions(
    root: Path,
    warehouse: Warehouse | None = None,
    translator: SourceTranslator | None = None,
    automation_seconds: int = 30,
) -> dg.Definitions:
    """Returns the definitions of every source under `root/dlthub`.

    No user code runs (but for folders that hold a `definitions.py`), no connection is opened, no folder is made. A
    broken folder becomes one asset that fails with its errors.

    Args:
        root: The repository.
        warehouse: Default: the one that the settings name.
        translator: Default: SourceTranslator().
        automation_seconds: How often the daemon looks whether an asset is to be materialised.
    """
    warehouse = warehouse or build_warehouse(root)
    translator = translator or SourceTranslator()
    found, broken = find_sources(root)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    for source in found:
        try:
            assets.extend(list(build_source_assets(source, warehouse, translator)))
        except Exception as error:  # noqa: BLE001 - whatever Dagster refuses must not hide the other sources
            broken.append(BrokenSource(source.config.folder, (Problem(source.config.file, str(error)),)))
    assets.extend(build_broken_asset(source) for source in broken)
    return dg.Definitions(assets=assets, sensors=[build_automation_sensor(automation_seconds)])


def build_automation_sensor(seconds: int) -> dg.AutomationConditionSensorDefinition:
    """Returns the sensor that evaluates every automation condition; it runs without being switched on."""
    return dg.AutomationConditionSensorDefinition(
        "default_automation_condition_sensor",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=seconds,
    )


def build_source_assets(
    source: FoundSource, warehouse: Warehouse, translator: SourceTranslator
) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    """Yields the external asset of a source, and an op for each partitioning that its resources have."""
    yield translator.get_source_spec(source.config)
    config = source.config
    by_partitioning: dict[Partitions | None, list[ResourceData]] = defaultdict(list)
    for resource, entry, line in zip(config.resources, source.entries, config.lines, strict=True):
        data = ResourceData(config, resource, entry.place, entry.facts, warehouse.kind, line)
        by_partitioning[resource.partitions].append(data)
    names = _op_names(config.name, list(by_partitioning))
    for name, members in zip(names, by_partitioning.values(), strict=True):
        yield _build_op(name, members, warehouse, translator)


def _op_names(source: str, partitionings: Sequence[Partitions | None]) -> list[str]:
    """Returns a name for each op of a source: what differs in its time zone alone is told apart by a number."""
    names: list[str] = []
    for partitions in partitionings:
        name = f"{source}__{partitions.by}_{partitions.start:%Y%m%d}" if partitions else source
        same = sum(other == name or other.startswith(f"{name}_n") for other in names)
        names.append(f"{name}_n{same + 1}" if same else name)
    return names


def _build_op(
    name: str, members: Sequence[ResourceData], warehouse: Warehouse, translator: SourceTranslator
) -> dg.AssetsDefinition:
    specs: list[dg.AssetSpec] = []
    for data in members:
        spec = translator.get_asset_spec(data)
        specs += [spec, *(translator.get_child_spec(data, child, spec) for child in data.resource.child_tables)]

    @dg.multi_asset(
        name=name,
        specs=specs,
        config_schema=_INGEST_FIELDS,
        can_subset=True,
        pool=members[0].source.name,
        backfill_policy=dg.BackfillPolicy.single_run() if members[0].resource.partitions else None,
    )
    def ingest(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        config = IngestConfig(**context.op_execution_context.op_config)
        yield from _ingest(context, config, members, warehouse)

    return ingest


def build_broken_asset(source: BrokenSource) -> dg.AssetsDefinition:
    """Returns the asset that stands for a broken folder: it fails with the folder's problems, unasked, once."""
    text = "\n".join(f"- {problem}" for problem in source.problems)

    @dg.asset(
        key=source_key(source.name),
        group_name=_group_name(source.name),
        kinds={"broken"},
        description=f"**This source is broken and none of its tables can be loaded.**\n\n{text}",
        automation_condition=ingest_condition(Automation(condition="on_missing")),
        output_required=False,
    )
    def broken() -> None:
        raise dg.Failure(f"dlthub/{source.name} is broken:\n{text}")

    return broken


def _group_name(folder: str) -> str:
    return "".join(character if character.isalnum() and character.isascii() else "_" for character in folder)


def _ingest(
    context: dg.AssetExecutionContext, config: IngestConfig, members: Sequence[ResourceData], warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[Any]]:
    """Loads the selected resources side by side, yields each as it lands, and fails at the end, naming the rest."""
    selected = [data for data in members if _keys(data) & context.selected_asset_keys]
    by_destination = {data.resource.destination: data for data in selected}
    tasks = [Task(data.source, data.resource, _options(context, config, data)) for data in selected]
    failed: list[Outcome] = []
    log = _ProgressLog(context.log)
    for event in _parents_first(load_side_by_side(tasks, warehouse), selected):
        if isinstance(event, Progress):
            log.show(event)
        elif event.result:
            yield from _results(context, by_destination[event.task.resource.destination], event.result)
        else:
            failed.append(event)
            context.log.error(str(event.error))
    if failed:
        landed = "; the others landed" if len(failed) < len(selected) else ""
        causes = {
            outcome.task.resource.destination: f"{type(outcome.error).__name__}: {outcome.error}" for outcome in failed
        }
        listed = "\n".join(f"- {name}: {cause}" for name, cause in causes.items())
        summary = f"{len(failed)} of {len(selected)} resources of {selected[0].source.name} failed{landed}:\n{listed}"
        raise dg.Failure(summary, metadata=causes)


def _parents_first(
    events: Iterable[Progress | Outcome], selected: Sequence[ResourceData]
) -> Iterator[Progress | Outcome]:
    """Yields the events, outcomes not before that of the resource whose items they took: Dagster insists on it."""
    names = {data.resource.destination for data in selected}
    found = {data.resource.destination: data.source.find_resource(data.resource.data_from or "") for data in selected}
    parents = {name: parent.destination for name, parent in found.items() if parent and parent.destination in names}
    ended: set[str] = set()
    held: dict[str, list[Outcome]] = defaultdict(list)
    for event in events:
        if isinstance(event, Progress):
            yield event
            continue
        ready = [event]
        while ready:
            outcome = ready.pop()
            name = outcome.task.resource.destination
            if (parent := parents.get(name, name)) != name and parent not in ended:
                held[parent].append(outcome)
                continue
            yield outcome
            ended.add(name)
            ready += held.pop(name, [])


def _keys(data: ResourceData) -> set[dg.AssetKey]:
    """Returns the keys of a resource's assets: its table's and its child tables'."""
    children = (child_key(data.resource, child) for child in data.resource.child_tables)
    return {dg.AssetKey(table_key(data.resource)), *map(dg.AssetKey, children)}


def _options(context: dg.AssetExecutionContext, config: IngestConfig, data: ResourceData) -> LoadOptions:
    kwargs = config.kwargs.get(data.resource.table) or config.kwargs.get(data.resource.destination) or {}
    start, end, key = config.start, config.end, None
    if context.has_partition_key or context.has_partition_key_range:
        window = context.partition_time_window
        start, end = window.start.isoformat(), window.end.isoformat()
        key = context.partition_key_range.start
    return LoadOptions(start, end, key, config.limit, config.refresh.value, kwargs)


def _results(
    context: dg.AssetExecutionContext, data: ResourceData, result: LoadResult
) -> Iterator[dg.MaterializeResult[Any]]:
    for warning in result.warnings:
        context.log.warning("%s: %s", result.destination, warning)
    results = [table_result(result)]
    for child in data.resource.child_tables:
        key = child_key(data.resource, child)
        if key[1] in result.children:
            results.append(child_result(result, dg.AssetKey(key)))
        else:
            context.log.warning("%s: there is no such nested table; no row had '%s' so far", ".".join(key), child)
            results.append(dg.MaterializeResult(asset_key=dg.AssetKey(key), metadata={"dagster/row_count": 0}))
    for found in results:
        assert found.asset_key  # noqa: S101 - both functions set it
        if found.asset_key in context.selected_asset_keys:
            yield found
        else:
            # A resource lands whole: what the run did not select has changed too, and its history should say so.
            for partition in _partition_keys(context):
                landed = dg.AssetMaterialization(found.asset_key, metadata=found.metadata, partition=partition)
                context.log_event(landed)


def _partition_keys(context: dg.AssetExecutionContext) -> Sequence[str | None]:
    """Returns the partitions of this run, one None where it has no partitions."""
    return context.partition_keys if context.has_partition_key or context.has_partition_key_range else [None]


class _ProgressLog:
    """Writes each new phase, and now and then the rows so far, to the event log."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._last: dict[str, tuple[str, float]] = {}

    def show(self, progress: Progress) -> None:
        phase, said = self._last.get(progress.destination, ("", 0.0))
        now = time.monotonic()
        if phase != progress.phase or now - said > PROGRESS_SECONDS:
            self._last[progress.destination] = (progress.phase, now)
            self._log.info(f"{progress.destination}: {progress.phase}, {progress.rows:,} rows")
