"""The launchpad's parameters of a run: their schema, and the tasks that they make of the selected resources."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field
from typing_extensions import override

from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import FoundationError
from data_foundation.loading.ranges.sample import beside_table
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.orchestration.translator import ResourceAssets
from data_foundation.suggestions import nearest

TRACEPARENT_TAG = "traceparent"
"""Tag of a run with the span that has caused it, as W3C's header."""


class LaunchpadRefresh(enum.Enum):
    """The values of `refresh` in the launchpad: a Dagster config accepts an enum, but no Literal."""

    none = "none"
    state = "state"
    drop = "drop"


class IngestConfig(dg.Config):
    """The options of one run, in the launchpad."""

    start: str | None = Field(
        default=None,
        description="Start of a range: date, time, or value of the cursor. The stored cursor is not updated.",
    )
    end: str | None = Field(default=None, description="End of the range, which is not included.")
    limit: int | None = Field(
        default=None, description="Maximum rows per resource: a sample, which lands in <dataset>__sample."
    )
    refresh: LaunchpadRefresh = Field(
        default=LaunchpadRefresh.none,
        description="state: forget the cursor and load all again; drop: drop the table first.",
    )
    kwargs: dict[str, dict[str, Any]] = Field(
        default={}, description="Keyword arguments by table, for instance {airports: {...}}."
    )


class RowLimit(dg.Noneable):
    """A number of rows, or null. Dagster's own types accept negative numbers."""

    def __init__(self) -> None:
        super().__init__(dg.IntSource)

    @override
    def post_process(self, value: int | None) -> int | None:
        """Returns the value; Dagster calls this before it creates the run.

        Raises:
            FoundationError: It is negative.
        """
        return LoadOptions(limit=value).limit


_FIELDS = IngestConfig.to_fields_dict()
INGEST_FIELDS = _FIELDS | {"limit": dg.Field(RowLimit(), is_required=False, description=_FIELDS["limit"].description)}
INGEST_CONFIG = dg.Field(INGEST_FIELDS)
"""Built once: an argument annotated with IngestConfig would be converted again for every source."""


def has_partitions(context: dg.AssetExecutionContext) -> bool:
    """Returns True if the run loads one partition or a range of partitions."""
    return bool(context.has_partition_key or context.has_partition_key_range)


def build_tasks(
    context: dg.AssetExecutionContext, members: Sequence[ResourceAssets], selected: Sequence[ResourceAssets]
) -> list[Task]:
    """Returns a task for each selected resource, with the options of the run.

    Args:
        context: The context of the op's run; its config is an `IngestConfig`.
        members: The resources of the op.
        selected: The resources that the run loads.

    Raises:
        dagster.Failure: A parameter has no effect in this run, or matches no row.
    """
    config = IngestConfig(**context.op_execution_context.op_config)
    # A re-execution has the parameters of the first run, and may load only some of its tables.
    accepted = members if context.run.parent_run_id else selected
    try:
        _refuse_unknown_tables(config, [assets.data.resource for assets in accepted])
        tasks = (Task(one.data.source, one.data.resource, _options(context, config, one)) for one in selected)
        return [beside_table(task) for task in tasks]
    except FoundationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _refuse_unknown_tables(config: IngestConfig, resources: Sequence[ResourceConfig]) -> None:
    accepted = [name for resource in resources for name in (resource.table, resource.destination)]
    for name in config.kwargs:
        if name not in accepted:
            tables = ", ".join(resource.table for resource in resources) or "none, as the run loads no table"
            raise FoundationError(
                f"kwargs: got '{name}', which is no table of this run, so nothing was loaded; accepted: {tables}"
                f"{nearest(name, accepted)}"
            )


def _options(context: dg.AssetExecutionContext, config: IngestConfig, assets: ResourceAssets) -> LoadOptions:
    resource = assets.data.resource
    kwargs = {**config.kwargs.get(resource.table, {}), **config.kwargs.get(resource.destination, {})}
    start, end, key = config.start, config.end, None
    starts: tuple[str, ...] = ()
    if has_partitions(context):
        if start or end:
            raise FoundationError(
                f"start and end: got '{start or end}', and the run loads partitions of {resource.destination}, so "
                "nothing was loaded; accepted: null; choose the partitions when you launch the run"
            )
        window = context.partition_time_window
        start, end = window.start.isoformat(), window.end.isoformat()
        key = context.partition_key_range.start
        starts = _starts(assets, context.partition_keys)
    parent = context.run.tags.get(TRACEPARENT_TAG, "")
    return LoadOptions(start, end, key, config.limit, config.refresh.value, kwargs, context.run.run_id, starts, parent)


def _starts(assets: ResourceAssets, keys: Sequence[str]) -> tuple[str, ...]:
    """Returns the start of each partition of a range, () for a single one."""
    partitions = assets.table.partitions_def
    if len(keys) == 1 or not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return ()
    return tuple(partitions.time_window_for_partition_key(key).start.isoformat() for key in keys)
