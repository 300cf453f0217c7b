"""Builds a schedule for each distinct cron and time zone; a tick requests one run, and runs for its partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import dagster as dg

from data_foundation.config.schedules import Automation
from data_foundation.orchestration.schedules.due import Partitioning, as_ranges, find_due
from data_foundation.orchestration.translator import ResourceAssets

ALL_ASSETS = "__ASSET_JOB"
"""Dagster's job of all assets, which runs requested by conditions and by *Materialize* have too. A job of one schedule
could not have tables with different partitions."""

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_WORDS = {"*": "x", " ": "_", "/": "_per_", ",": "_and_", "-": "_to_", "@": "at_"}


@dataclass(frozen=True)
class ScheduledTable:
    """A resource that a schedule loads.

    Attributes:
        assets: Its assets.
        automation: Its cron, or that of a resource that reads it.
    """

    assets: ResourceAssets
    automation: Automation

    @property
    def partitioning(self) -> Partitioning | None:
        """The partitions of its table, None if it has none."""
        found = self.assets.table.partitions_def
        return found if isinstance(found, Partitioning) else None


@dataclass
class _PartitionRuns:
    """The runs of partitions that a tick requests: by partitions and range, the tables."""

    tables: dict[tuple[Partitioning, str, str], list[dg.AssetKey]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: ScheduledTable, partitions: Sequence[str], most: int | None) -> None:
        """Adds the ranges of partitions that one table is loaded for, each of at most so many."""
        assert table.partitioning  # noqa: S101 - the caller has looked
        for first, last in as_ranges(partitions, table.partitioning, most):
            self.tables[table.partitioning, first, last] += table.assets.keys

    def requests(self) -> Iterator[dg.RunRequest]:
        """Yields a request for each run, the oldest partitions first."""
        for (_, first, last), keys in sorted(self.tables.items(), key=lambda run: run[0][1:]):
            bounds = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
            tags = {"dagster/partition": first} if first == last else bounds
            yield dg.RunRequest(f"{keys[0].to_user_string()} {first} {last}", asset_selection=keys, tags=tags)


def schedule_name(automation: Automation) -> str:
    """Returns the name of the schedule of a cron and a time zone, for instance cron_0_6_x_x_x_europe_amsterdam."""
    letters = (_WORDS.get(letter, letter) for letter in " ".join((automation.cron or "").split()))
    zone = automation.timezone.replace("/", "_").replace("+", "_plus_").replace("-", "_minus_")
    name = f"cron_{''.join(letters)}_{zone}".lower()
    return "".join(letter if letter.isalnum() or letter == "_" else f"u{ord(letter):x}" for letter in name)


def build_schedules(sources: Iterable[Sequence[ResourceAssets]], part: str = "") -> list[dg.ScheduleDefinition]:
    """Returns the schedules of all tables with a cron; they are running by default.

    A table whose translator gives it an automation condition has none, as the condition decides.

    Args:
        sources: The resources of each source.
        part: Name of the part of the code location, with which the names begin.
    """
    by_name: dict[str, list[ScheduledTable]] = defaultdict(list)
    for resources in sources:
        for table in _scheduled(resources):
            by_name[schedule_name(table.automation)].append(table)
    return [_build(f"{part}_{name}" if part else name, tables) for name, tables in by_name.items()]


def _scheduled(resources: Sequence[ResourceAssets]) -> Iterator[ScheduledTable]:
    """Yields each table with a cron, after the lazy tables that it reads."""
    by_destination = {assets.data.resource.destination: assets for assets in resources}
    known = set()
    for assets in resources:
        automation = assets.data.resource.automation
        if not (automation and automation.condition == "on_cron") or assets.table.automation_condition is not None:
            continue
        lineage = [assets]
        while (parent := lineage[0].data.parent) and _is_lazy(by_destination[parent.resource.destination]):
            lineage.insert(0, by_destination[parent.resource.destination])
        for one in lineage:
            if (one.table.key, schedule_name(automation)) not in known:
                known.add((one.table.key, schedule_name(automation)))
                yield ScheduledTable(one, automation)


def _is_lazy(assets: ResourceAssets) -> bool:
    automation = assets.data.resource.automation
    return automation is not None and automation.condition == "lazy"


def _build(name: str, tables: Sequence[ScheduledTable]) -> dg.ScheduleDefinition:
    automation = tables[0].automation
    assert automation.cron  # noqa: S101 - config.py refuses on_cron without a cron

    def request(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from _requests(context, name, tables)

    listed = ", ".join(table.assets.table.key.to_user_string() for table in tables)
    return dg.ScheduleDefinition(
        name=name,
        cron_schedule=automation.cron,
        execution_timezone=automation.timezone,
        job_name=ALL_ASSETS,
        execution_fn=request,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Loads {listed} at {automation.cron}, {automation.timezone}.",
    )


def _requests(
    context: dg.ScheduleEvaluationContext, name: str, tables: Sequence[ScheduledTable]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Yields the runs of a tick: that of tables without partitions, then those of partitions; or why there is none."""
    unfinished = _unfinished_runs(context.instance, name)
    loading = {key: run.run_id for run in unfinished for key in run.asset_selection or ()}
    whole = [table.assets for table in tables if table.partitioning is None]
    waiting = {assets.table.key: loading[assets.table.key] for assets in whole if assets.table.key in loading}
    for key, run_id in waiting.items():
        context.log.info("%s is left out: run %s of an earlier tick is loading it", key.to_user_string(), run_id)
    keys = [key for assets in whole if assets.table.key not in waiting for key in assets.keys]
    requests = [dg.RunRequest("tables", asset_selection=keys)] if keys else []
    requests += _partition_runs(context, [table for table in tables if table.partitioning], unfinished).requests()
    yield from requests
    if not requests:
        runs = ", ".join(sorted(set(waiting.values()))) or "another run"
        yield dg.SkipReason(f"All tables are being loaded by {runs}, or no partition is due")


def _unfinished_runs(instance: dg.DagsterInstance, schedule: str) -> Sequence[dg.DagsterRun]:
    """Returns the runs of earlier ticks that are in the queue or have begun."""
    filters = dg.RunsFilter(statuses=list(UNFINISHED), tags={"dagster/schedule_name": schedule})
    return instance.get_runs(filters=filters)


def _partition_runs(
    context: dg.ScheduleEvaluationContext, tables: Iterable[ScheduledTable], unfinished: Sequence[dg.DagsterRun]
) -> _PartitionRuns:
    """Returns the runs of partitions; tables for which the same range of the same partitions is due share one."""
    runs = _PartitionRuns()
    assert context.repository_def  # noqa: S101 - the schedule is evaluated in its code location
    graph = context.repository_def.asset_graph
    for table in tables:
        key, partitioning = table.assets.table.key, table.partitioning
        assert partitioning  # noqa: S101 - of the caller
        of_table = [run for run in unfinished if key in (run.asset_selection or ())]
        requested = {partition for run in of_table for partition in _partitions_of(run, partitioning)}
        look_back = table.automation.look_back
        due = find_due(context.instance, key, partitioning, context.scheduled_execution_time, look_back)
        if due.gap:
            context.log.warning(
                "%s: partitions %s are missing, and older than `catch_up`: backfill them", key.to_user_string(), due.gap
            )
        policy = graph.get(key).backfill_policy
        # To Dagster, partitions of a run in the queue are still missing.
        keys = [partition for partition in due.keys if partition not in requested]
        runs.add(table, keys, policy.max_partitions_per_run if policy else 1)
    return runs


def _partitions_of(run: dg.DagsterRun, partitioning: Partitioning) -> Sequence[str]:
    """Returns the partitions that a run loads."""
    first = run.tags.get("dagster/asset_partition_range_start") or run.tags.get("dagster/partition")
    last = run.tags.get("dagster/asset_partition_range_end") or first
    return partitioning.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)) if first and last else ()
