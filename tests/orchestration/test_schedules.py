"""Tests of schedules: ticks at given times, with a history of real runs, and the runs that they request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from typing_extensions import override

from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.translator import ResourceData, SourceTranslator
from tests.support.trees import Tree

DATA = '''
from pathlib import Path


def get_rows(name, start="", end=""):
    """One row, with the range of the run; fails if a certain file exists."""
    if (Path(__file__).parent / f"{name}.fails").exists():
        raise ValueError("the vendor hung up")
    yield {"id": start, "end": end}


def transform(row):
    yield row
'''
DAILY = (
    "write_disposition: merge, primary_key: id, partitions: {by: daily, start: 2025-01-01}, "
    "kwargs: {start: '{{ partition.start }}', end: '{{ partition.end }}'}"
)
SIX = datetime(2025, 6, 10, 6, tzinfo=UTC)


def add(tree: Tree, *resources: str, source: str = "shop", cron: str = "'0 6 * * *'") -> None:
    """Writes a source; each resource is `name` or `name, more keys`."""
    lines = "".join(
        f"  - {{entry: data.get_rows, args: [{name}], destination: raw.{name}{', ' * bool(more)}{more}}}\n"
        for name, _, more in (resource.partition(", ") for resource in resources)
    )
    tree.add(source, f"source: {{automation: {cron}}}\nresources:\n{lines}", DATA)


@dataclass
class Scheduler:
    """Evaluates schedules as Dagster's daemon does, and runs what they request.

    Attributes:
        tree: The project.
        instance: The instance with the history.
        policy: The backfill policy of all tables with partitions.
        translator: The translator of the code location.
    """

    tree: Tree
    instance: dg.DagsterInstance
    policy: dg.BackfillPolicy | None = None
    translator: SourceTranslator = field(default_factory=SourceTranslator)

    @property
    def repository(self) -> dg.RepositoryDefinition:
        """The code location."""
        built = build_definitions(self.tree.root, self.tree.warehouse, self.translator)
        if self.policy is None:
            return built.get_repository_def()
        assets = [
            asset.with_attributes(backfill_policy=self.policy)
            if isinstance(asset, dg.AssetsDefinition) and asset.backfill_policy
            else asset
            for asset in built.assets or ()
        ]
        return dg.Definitions(assets=assets, schedules=built.schedules, executor=built.executor).get_repository_def()

    def tick(self, at: datetime, name: str | None = None) -> list[dg.RunRequest]:
        """Returns what a schedule requests at a time; without a name, the only one."""
        repository = self.repository
        [schedule] = [one for one in repository.schedule_defs if name in {None, one.name}]
        context = dg.build_schedule_context(self.instance, at, repository_def=repository)
        return list(schedule.evaluate_tick(context).run_requests or ())

    def run(self, request: dg.RunRequest) -> bool:
        """Runs a request; returns whether it succeeded."""
        job = self.repository.get_implicit_global_asset_job_def()
        result = job.execute_in_process(
            asset_selection=request.asset_selection, tags=request.tags, instance=self.instance, raise_on_error=False
        )
        return result.success

    def fail(self, table: str, **options: Any) -> None:
        """Runs a table, which fails."""
        file = self.tree.root / "dlthub" / "shop" / f"{table}.fails"
        file.touch()
        assert not self.run(dg.RunRequest(asset_selection=[key_of(table)], **options))
        file.unlink()

    def begin(
        self,
        *tables: str,
        tags: Mapping[str, str] | None = None,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    ) -> dg.DagsterRun:
        """Records a run of tables that does not end."""
        return self.instance.create_run_for_job(
            self.repository.get_implicit_global_asset_job_def(),
            asset_selection={key_of(table) for table in tables},
            tags=tags,
            status=status,
        )

    def land(self, table: str, *partitions: str) -> None:
        """Records partitions as loaded."""
        for partition in partitions:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key_of(table), partition=partition))


@pytest.fixture
def scheduler(tree: Tree) -> Iterator[Scheduler]:
    """The schedules of an empty tree; they read the history of an instance that keeps it in files."""
    with dg.instance_for_test() as instance:
        yield Scheduler(tree, instance)


def key_of(table: str) -> dg.AssetKey:
    """Returns the key of a table of the dataset raw."""
    return dg.AssetKey(["raw", table])


def ranges(requests: Sequence[dg.RunRequest]) -> list[str]:
    """Returns `tables` or `tables: first..last` for each request."""
    texts = []
    for request in requests:
        names = " ".join(key.path[-1] for key in request.asset_selection or ())
        first = request.tags.get("dagster/asset_partition_range_start") or request.tags.get("dagster/partition")
        last = request.tags.get("dagster/asset_partition_range_end") or first
        texts.append(f"{names}: {first}..{last}" if first else names)
    return texts


def test_each_cron_and_zone_is_one_schedule(tree: Tree, scheduler: Scheduler) -> None:
    """Tables of several sources with the same cron and zone share a schedule, which runs by default and names them."""
    add(tree, "a", "b", "c, automation: '@hourly'")
    add(tree, "d", source="bank")
    add(tree, "e", source="post", cron="{cron: '0  6 * * *', timezone: Europe/Amsterdam}")
    add(tree, "f", source="none", cron="eager")
    schedules = {one.name: one for one in scheduler.repository.schedule_defs}
    assert schedules.keys() == {"cron_0_6_x_x_x_utc", "cron_at_hourly_utc", "cron_0_6_x_x_x_europe_amsterdam"}
    assert {one.default_status for one in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}
    six = schedules["cron_0_6_x_x_x_utc"]
    assert (six.cron_schedule, six.execution_timezone) == ("0 6 * * *", "UTC")
    assert six.description == "Loads raw/d, raw/a, raw/b at 0 6 * * *, UTC."
    specs = {spec.key.path[-1]: spec for spec in build_definitions(tree.root, tree.warehouse).resolve_all_asset_specs()}
    assert [name for name in "abcdef" if specs[name].automation_condition] == ["f"]


def test_a_tick_is_one_run_over_all_sources(tree: Tree, scheduler: Scheduler) -> None:
    """Tables without partitions, child tables included, are loaded by one run, whichever source they belong to."""
    add(tree, "a, child_tables: [lines]", "b")
    add(tree, "c", source="bank")
    [request] = scheduler.tick(SIX)
    assert ranges([request]) == ["c a a__lines b"]
    assert scheduler.run(request)
    assert scheduler.instance.get_latest_materialization_event(key_of("c"))
    assert ranges(scheduler.tick(SIX + timedelta(days=1))) == ["c a a__lines b"]


def test_a_table_that_an_earlier_tick_loads_is_left_out(tree: Tree, scheduler: Scheduler) -> None:
    """A tick does not queue a second load behind one of the same schedule; a manual run does not count as one."""
    add(tree, "a", "b")
    repository = scheduler.repository
    [schedule] = repository.schedule_defs
    scheduler.begin("a", "b")
    assert ranges(scheduler.tick(SIX)) == ["a b"]
    of_tick = {"dagster/schedule_name": schedule.name}
    run = scheduler.begin("a", tags=of_tick)
    assert ranges(scheduler.tick(SIX)) == ["b"]
    scheduler.begin("b", tags=of_tick)
    context = dg.build_schedule_context(scheduler.instance, SIX, repository_def=repository)
    assert run.run_id in str(schedule.evaluate_tick(context).skip_message)
    for unfinished in scheduler.instance.get_runs():
        scheduler.instance.report_run_failed(unfinished)
    assert ranges(scheduler.tick(SIX)) == ["a b"]


def test_a_lazy_table_is_in_the_schedule_of_its_transformer(tree: Tree, scheduler: Scheduler) -> None:
    """A lazy table is loaded with each transformer of it that has a cron, through any number of lazy ones between."""
    tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [x], destination: raw.first, automation: lazy}
          - {entry: data.transform, data_from: first, destination: raw.second, automation: lazy}
          - {entry: data.transform, data_from: second, destination: raw.third, automation: '0 6 * * *'}
          - {entry: data.transform, data_from: second, destination: raw.fourth, automation: '0 7 * * *'}
        """,
        DATA,
    )
    assert ranges(scheduler.tick(SIX, "cron_0_6_x_x_x_utc")) == ["first second third"]
    assert ranges(scheduler.tick(SIX, "cron_0_7_x_x_x_utc")) == ["first second fourth"]


class Eager(SourceTranslator):
    """Gives one table a condition of its own, and all tables keys of their own."""

    def __init__(self) -> None:
        super().__init__("{dataset}/lake/{table}")

    @override
    def get_automation_condition(self, data: ResourceData) -> Any:
        """Returns a condition for the table a."""
        return dg.AutomationCondition.eager() if data.resource.table == "a" else super().get_automation_condition(data)


def test_a_condition_of_the_translator_takes_the_place_of_the_schedule(tree: Tree, scheduler: Scheduler) -> None:
    """A table that the translator gives a condition is in no schedule; the others have the keys of the translator."""
    add(tree, "a", "b")
    scheduler.translator = Eager()
    [request] = scheduler.tick(SIX)
    assert request.asset_selection == [dg.AssetKey(["raw", "lake", "b"])]


UNITS = {
    "hourly": ("start: 2025-01-01T00:00:00", "15 * * * *", [f"2025-06-09-{hour:02}:00" for hour in range(24)]),
    "daily": ("start: 2025-01-01", "0 6 * * *", [f"2025-06-{day:02}" for day in range(1, 10)]),
    "weekly": (
        "start: 2025-01-01",
        "0 6 * * 1",
        ["2025-05-04", "2025-05-11", "2025-05-18", "2025-05-25", "2025-06-01"],
    ),
    "monthly": (
        "start: 2025-01-01",
        "0 6 1 * *",
        ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01"],
    ),
}
NOW = {"hourly": datetime(2025, 6, 10, 0, 15, tzinfo=UTC)}
LOOK_BACK = {"hourly": "3h", "daily": "3d", "weekly": "3w", "monthly": "14w"}
"""Long enough for the three newest partitions at NOW, or at SIX."""

HISTORIES = {
    "missed": ({"landed": [-5]}, "", [-4, -3, -2, -1]),
    "failed": ({"landed": [-5, -4, -2], "failed": [-3]}, "", [-3, -1]),
    "failed first": ({"failed": [-3]}, "", [-3, -2, -1]),
    "failed after it landed": ({"landed": [-3, -2, -1], "failed": [-2]}, "", [-2, -1]),
    "first ever": ({}, "", [-1]),
    "paused for longer than catch_up": ({"landed": [-5]}, "catch_up", [-3, -2, -1]),
    "no catch_up": ({"landed": [-5]}, "0d", [-1]),
    "nothing missed": ({"landed": [-3, -2, -1]}, "", [-1]),
}
POLICIES = {"single run": None, "one run a partition": dg.BackfillPolicy.multi_run(1),
            "two partitions a run": dg.BackfillPolicy.multi_run(2)}  # fmt: skip


def chunks(places: list[int], most: int) -> list[tuple[int, int]]:
    """Returns first and last of each range of places that follow each other, of at most so many."""
    found: list[list[int]] = []
    for place in places:
        if found and found[-1][-1] == place - 1 and len(found[-1]) < most:
            found[-1].append(place)
        else:
            found.append([place])
    return [(one[0], one[-1]) for one in found]


@pytest.mark.sampled(13)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("unit", UNITS)
def test_missing_and_failed_partitions_are_requested(
    tree: Tree, scheduler: Scheduler, unit: str, history: str, policy: str
) -> None:
    """A tick requests the newest partition, and missing and failed ones of the look-back, the oldest first."""
    start, cron, keys = UNITS[unit]
    past, catch_up, due = HISTORIES[history]
    look_back = {"": "", "catch_up": f", catch_up: {LOOK_BACK[unit]}"}.get(catch_up, f", catch_up: {catch_up}")
    add(tree, f"a, {DAILY.replace('by: daily, start: 2025-01-01', f'by: {unit}, {start}')}",
        cron=f"{{cron: '{cron}'{look_back}}}")  # fmt: skip
    scheduler.policy = POLICIES[policy]
    scheduler.land("a", *(keys[place] for place in past.get("landed", ())))
    for place in past.get("failed", ()):
        scheduler.fail("a", tags={"dagster/partition": keys[place]})
    most = {"single run": 99, "one run a partition": 1, "two partitions a run": 2}[policy]
    requests = scheduler.tick(NOW.get(unit, SIX))
    assert ranges(requests) == [f"a: {keys[first]}..{keys[last]}" for first, last in chunks(due, most)]
    assert len({request.run_key for request in requests}) == len(requests)
    assert all(map(scheduler.run, requests))
    assert {keys[place] for place in due} <= scheduler.instance.get_materialized_partitions(key_of("a"))
    assert len(tree.query("select id from raw.a")) == len(requests)
    assert ranges(scheduler.tick(NOW.get(unit, SIX))) == [f"a: {keys[-1]}..{keys[-1]}"]


def test_ticks_that_did_not_take_place_are_made_good(tree: Tree, scheduler: Scheduler) -> None:
    """The case of the 11th and the 15th: the three days between are requested, then one day a day."""
    add(tree, f"a, {DAILY}")
    for day, expected in {
        10: "09..2025-06-09",
        11: "10..2025-06-10",
        15: "11..2025-06-14",
        16: "15..2025-06-15",
    }.items():
        [request] = scheduler.tick(SIX.replace(day=day))
        assert ranges([request]) == [f"a: 2025-06-{expected}"]
        assert scheduler.run(request)


def test_a_failed_range_is_requested_again_with_the_next_day(tree: Tree, scheduler: Scheduler) -> None:
    """Of a range that failed no day is lost; a day that is being loaded is not requested twice."""
    add(tree, f"a, {DAILY}")
    scheduler.land("a", "2025-06-05")
    [request] = scheduler.tick(SIX)
    scheduler.fail("a", tags=request.tags)
    assert ranges(scheduler.tick(SIX.replace(day=11))) == ["a: 2025-06-06..2025-06-10"]
    scheduler.begin("a", tags={"dagster/partition": "2025-06-08"})
    assert ranges(scheduler.tick(SIX.replace(day=11))) == ["a: 2025-06-06..2025-06-07", "a: 2025-06-09..2025-06-10"]


def test_partitions_in_the_queue_are_not_requested_again(tree: Tree, scheduler: Scheduler) -> None:
    """A run of the schedule that waits in the queue has its partitions, although Dagster counts them as missing."""
    add(tree, f"a, {DAILY}")
    scheduler.land("a", "2025-06-05")
    [request] = scheduler.tick(SIX)
    scheduler.begin("a", tags=request.tags, status=dg.DagsterRunStatus.NOT_STARTED)
    assert scheduler.tick(SIX) == []
    assert ranges(scheduler.tick(SIX.replace(day=11))) == ["a: 2025-06-10..2025-06-10"]


def test_partitions_that_are_too_old_are_named(
    tree: Tree, scheduler: Scheduler, capfd: pytest.CaptureFixture[str]
) -> None:
    """By default a tick looks back thirty partitions; its log names those before."""
    add(tree, f"a, {DAILY}")
    scheduler.land("a", "2025-05-01")
    assert ranges(scheduler.tick(SIX)) == ["a: 2025-05-11..2025-06-09"]
    assert "raw/a: partitions 2025-05-02 to 2025-05-10 are missing" in "".join(capfd.readouterr())


def test_partitions_that_have_ended_are_loaded_once(tree: Tree, scheduler: Scheduler) -> None:
    """After the last partition a tick requests what is missing, and nothing when all has landed."""
    add(tree, "a, " + DAILY.replace("start: 2025-01-01", "start: 2025-06-01, end: 2025-06-04"))
    scheduler.land("a", "2025-06-01")
    [request] = scheduler.tick(SIX)
    assert ranges([request]) == ["a: 2025-06-02..2025-06-03"]
    assert scheduler.run(request)
    assert scheduler.tick(SIX) == []


def test_tables_with_and_without_partitions_share_a_tick(tree: Tree, scheduler: Scheduler) -> None:
    """Whole tables are one run; tables with the same partitions and the same due range are one, across sources."""
    add(tree, "whole", f"a, {DAILY}", f"b, {DAILY}", f"c, {DAILY.replace('daily', 'weekly')}")
    add(tree, f"d, {DAILY}", source="bank")
    scheduler.land("b", "2025-06-07")
    requests = scheduler.tick(SIX)
    assert ranges(requests) == [
        "whole", "c: 2025-06-01..2025-06-01", "b: 2025-06-08..2025-06-09", "d a: 2025-06-09..2025-06-09",
    ]  # fmt: skip
    assert all(map(scheduler.run, requests))


def test_a_resource_sets_its_look_back_alone(tree: Tree, scheduler: Scheduler) -> None:
    """`automation: {catch_up: 1d}` of a resource keeps the cron of the source."""
    add(tree, f"a, {DAILY}, automation: {{catch_up: 1d}}", f"b, {DAILY}")
    for table in "ab":
        scheduler.land(table, "2025-06-05")
    assert ranges(scheduler.tick(SIX)) == ["b: 2025-06-06..2025-06-09", "a: 2025-06-09..2025-06-09"]
