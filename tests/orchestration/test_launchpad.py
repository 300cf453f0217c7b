"""Tests of the launchpad's options: real Dagster runs of a small location, and the rows that they load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.ops import run as ingestion
from tests.support.trees import Tree

DATA = '''
from pathlib import Path

import requests

DAYS = [f"2024-01-{day:02}" for day in range(1, 11)]


def get_days(start="2024-01-01", end="2024-02-01", colour="red"):
    """The days of the first ten of January that are in [start, end)."""
    yield [{"day": day, "colour": colour, "lines": [{"n": 1}, {"n": 2}]} for day in DAYS if start <= day < end]


def get_rows(name, colour="red"):
    """Fails if a certain file exists."""
    if (Path(__file__).parent / f"{name}.fails").exists():
        raise ValueError(f"no {name} today")
    yield [{"id": n, "colour": colour} for n in range(3)]


def get_secret():
    """Calls an address with secrets in it, where no server listens."""
    yield requests.get("http://user:pa55word@127.0.0.1:9/rows?token=t0psecret&page=1", timeout=5).json()
'''
PARTITIONED = """
resources:
  - entry: data.get_days
    kwargs: {start: "{{ partition.start }}", end: "{{ partition.end }}"}
    destination: raw.days
    write_disposition: merge
    primary_key: day
    incremental: {cursor_path: day, initial_value: "2024-01-01"}
    partitions: {by: daily, start: 2024-01-01, end: 2024-01-11}
    child_tables: [lines]
"""


@dataclass
class Launchpad:
    """Runs assets of the source `shop` as the UI does."""

    tree: Tree
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def run(
        self, *keys: str, config: Mapping[str, Any] | None = None, op: str = "shop", **options: Any
    ) -> dg.ExecuteInProcessResult:
        """Materializes assets in one run."""
        job = build_definitions(self.tree.root, self.tree.warehouse).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            asset_selection=[dg.AssetKey(["raw", key]) for key in keys],
            run_config={"ops": {op: {"config": config}}} if config else None,
            instance=self.instance,
            raise_on_error=False,
            **options,
        )


@pytest.fixture
def launchpad(tree: Tree) -> Launchpad:
    """A launchpad for an empty tree."""
    return Launchpad(tree)


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Returns table and metadata of every materialization of the run."""
    found = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return {
        str(it.asset_key and it.asset_key.path[-1]): {name: value.value for name, value in it.metadata.items()}
        for it in found
    }


def log_of(launchpad: Launchpad, result: dg.ExecuteInProcessResult) -> str:
    """Returns everything that the run wrote to the event log."""
    return "\n".join(str(entry) for entry in launchpad.instance.all_logs(result.run_id))


def test_metadata_of_every_materialization(launchpad: Launchpad) -> None:
    """Rows, the table's full name, columns, schema changes, seconds, load id, cursor and child tables are metadata."""
    launchpad.tree.add("shop", PARTITIONED.replace("partitions:", "meta: {x: 1} # "), DATA)
    result = launchpad.run("days", "days__lines")
    assert result.success
    found = materialized(result)
    days = found["days"]
    assert (days["rows_loaded"], days["dagster/row_count"], days["dagster/table_name"]) == (
        10,
        10,
        "warehouse.raw.days",
    )
    assert {column.name: column.type for column in days["dagster/column_schema"].columns} == {
        "day": "text",
        "colour": "text",
        "_dlt_load_id": "text",
        "_dlt_id": "text",
    }
    assert set(days["schema_changes"]) == {"raw.days", "raw.days__lines"}
    phases = ("sync", "extract", "normalize", "load")
    assert sum(days[f"seconds_{phase}"] for phase in phases) == pytest.approx(days["seconds"], abs=0.01)
    assert days["load_id"] == launchpad.tree.query("select max(load_id) from raw._dlt_loads")[0]
    assert ("cursor_before" in days, days["cursor_after"]) == (False, "2024-01-10")
    assert days["child_tables"] == {"raw.days__lines": 20}
    assert found["days__lines"]["dagster/table_name"] == "warehouse.raw.days__lines"
    assert found["days__lines"]["dagster/row_count"] == 20
    again = materialized(launchpad.run("days"))["days"]
    assert (again["rows_loaded"], again["dagster/row_count"]) == (0, 10)
    assert (again["cursor_before"], again["cursor_after"]) == ("2024-01-10", "2024-01-10")
    assert "schema_changes" not in again


def test_a_child_selected_alone_is_loaded_with_its_parent(launchpad: Launchpad) -> None:
    """A resource is loaded as a whole, so the parent of the selected child is materialized too."""
    launchpad.tree.add("shop", PARTITIONED, DATA)
    result = launchpad.run("days__lines", op="shop__daily_20240101", partition_key="2024-01-02")
    assert result.success
    assert materialized(result).keys() == {"days", "days__lines"}
    for table in ("days", "days__lines"):
        assert launchpad.instance.get_materialized_partitions(dg.AssetKey(["raw", table])) == {"2024-01-02"}


def test_start_end_and_arguments_are_those_of_the_launchpad(launchpad: Launchpad) -> None:
    """A range and arguments of the entry can be set for one run; the next run does not use them."""
    launchpad.tree.add("shop", PARTITIONED.replace("partitions:", "meta: {x: 1} # "), DATA)
    config = {"start": "2024-01-03", "end": "2024-01-05", "kwargs": {"days": {"colour": "blue"}}}
    assert materialized(launchpad.run("days", config=config))["days"]["rows_loaded"] == 2
    assert launchpad.tree.query("select day, colour from raw.days order by day") == [
        ("2024-01-03", "blue"), ("2024-01-04", "blue"),
    ]  # fmt: skip
    assert materialized(launchpad.run("days"))["days"]["rows_loaded"] == 10
    assert launchpad.tree.query("select distinct colour from raw.days") == ["red"]


def test_arguments_are_set_by_table(launchpad: Launchpad) -> None:
    """Two resources of one run have different arguments; an argument that the entry does not have is refused."""
    launchpad.tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [a], destination: raw.a, write_disposition: replace}
          - {entry: data.get_rows, args: [b], destination: raw.b, write_disposition: replace}
        """,
        DATA,
    )
    assert launchpad.run("a", "b", config={"kwargs": {"a": {"colour": "blue"}, "raw.b": {"colour": "green"}}}).success
    assert launchpad.tree.query("select distinct colour from raw.a union select colour from raw.b order by 1") == [
        "blue", "green",
    ]  # fmt: skip
    result = launchpad.run("a", "b", config={"kwargs": {"a": {"color": "blue"}}})
    assert not result.success
    assert materialized(result).keys() == {"b"}
    assert "color" in log_of(launchpad, result)


def test_a_sample_has_the_requested_number_of_rows(launchpad: Launchpad) -> None:
    """`limit` applies exactly, also within a page; the table is neither changed nor materialized, only observed."""
    launchpad.tree.add("shop", PARTITIONED.replace("partitions:", "meta: {x: 1} # "), DATA)
    result = launchpad.run("days", config={"limit": 3})
    assert result.success
    assert materialized(result) == {}
    [event] = result.get_asset_observation_events()
    observation = event.asset_observation_data.asset_observation
    assert observation.asset_key == dg.AssetKey(["raw", "days"])
    assert {name: value.value for name, value in observation.metadata.items()} == {
        "sample_rows": 3, "sample_table": "warehouse.raw__sample.days",
    }  # fmt: skip
    counts = "select (select count(*) from raw__sample.days), (select count(*) from raw__sample.days__lines)"
    assert launchpad.tree.query(counts) == [(3, 6)]
    assert materialized(launchpad.run("days"))["days"]["dagster/row_count"] == 10


def test_a_sample_of_a_partition_leaves_it_missing(launchpad: Launchpad) -> None:
    """A partition of which only a sample was loaded is not counted as loaded, and no check of the table is recorded."""
    launchpad.tree.add("shop", PARTITIONED, DATA)
    options = {"op": "shop__daily_20240101", "partition_key": "2024-01-02"}
    result = launchpad.run("days", config={"limit": 1}, **options)
    assert result.success
    assert not result.get_asset_check_evaluations()
    assert not launchpad.instance.get_materialized_partitions(dg.AssetKey(["raw", "days"]))


def test_a_sample_ends_with_its_parent(launchpad: Launchpad) -> None:
    """Samples of a parent and of its transformer are recorded in their order; one that fails fails the step."""
    launchpad.tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [a], destination: raw.parent, write_disposition: replace}
          - {entry: data.double, data_from: parent, destination: raw.double}
          - {entry: data.get_rows, args: [b], destination: raw.failing}
        """,
        DATA + "\n\ndef double(page):\n    yield [{'id': 2 * row['id']} for row in page]\n",
    )
    (launchpad.tree.root / "dlthub" / "shop" / "b.fails").touch()
    result = launchpad.run("parent", "double", "failing", config={"limit": 2})
    assert not result.success
    observed = [event.asset_observation_data.asset_observation.asset_key for event in
                result.get_asset_observation_events()]  # fmt: skip
    assert observed == [dg.AssetKey(["raw", "parent"]), dg.AssetKey(["raw", "double"])]


@pytest.mark.parametrize("refresh", ["state", "drop"])
def test_a_refresh_loads_all_rows_again(launchpad: Launchpad, refresh: str) -> None:
    """`refresh` requests all rows since the initial value, and the table is as after a first load."""
    launchpad.tree.add("shop", PARTITIONED.replace("partitions:", "meta: {x: 1} # "), DATA)
    assert launchpad.run("days").success
    again = materialized(launchpad.run("days", config={"refresh": refresh}))["days"]
    assert (again["rows_loaded"], again["dagster/row_count"]) == (10, 10)
    assert (again["child_tables"], again["cursor_after"]) == ({"raw.days__lines": 20}, "2024-01-10")


def test_a_backfill_in_pieces_is_the_full_load(launchpad: Launchpad) -> None:
    """Single partitions, and a range in one run, give the same table as one run of everything; no cursor moves."""
    launchpad.tree.add("shop", PARTITIONED, DATA)
    op = "shop__daily_20240101"
    one = launchpad.run("days", op=op, partition_key="2024-01-01")
    assert materialized(one)["days"]["rows_loaded"] == 1
    bounds = {"dagster/asset_partition_range_start": "2024-01-02", "dagster/asset_partition_range_end": "2024-01-10"}
    ranged = launchpad.run("days", "days__lines", op=op, tags=bounds)
    assert ranged.success
    assert {found["rows_loaded"] for name, found in materialized(ranged).items() if name == "days"} == {1}
    pieces = launchpad.tree.query("select day, colour from raw.days order by day")
    keys = {f"2024-01-{day:02}" for day in range(1, 11)}
    assert launchpad.instance.get_materialized_partitions(dg.AssetKey(["raw", "days"])) == keys
    assert "cursor_after" not in materialized(ranged)["days"]
    again = launchpad.run("days", op=op, partition_key="2024-01-05")
    assert materialized(again)["days"]["dagster/row_count"] == 10
    launchpad.tree.load("shop.days", refresh="drop")
    assert launchpad.tree.query("select day, colour from raw.days order by day") == pieces
    assert launchpad.tree.query("select count(*) from raw.days__lines") == [20]


def add_four(tree: Tree, *failing: str) -> None:
    """Writes four tables, of which some fail."""
    resources = "\n".join(
        f"  - {{entry: data.get_rows, args: [{name}], destination: raw.{name}, write_disposition: replace}}"
        for name in "abcd"
    )
    folder = tree.add("shop", f"resources:\n{resources}\n", DATA)
    for name in failing:
        (folder / f"{name}.fails").touch()


def test_a_subset_loads_the_selected_tables_only(launchpad: Launchpad) -> None:
    """Only the selected resources are loaded."""
    add_four(launchpad.tree)
    result = launchpad.run("b", "d")
    assert materialized(result).keys() == {"b", "d"}
    tables = "select table_name from information_schema.tables where table_schema = 'raw' and table_name not like '\\_%' escape '\\' order by 1"  # noqa: E501
    assert launchpad.tree.query(tables) == ["b", "d"]


def test_failed_resources_are_named_and_the_others_are_loaded(launchpad: Launchpad) -> None:
    """Of four resources two fail: two are materialized, one Failure names the two, and re-execution selects those."""
    add_four(launchpad.tree, "b", "c")
    result = launchpad.run("a", "b", "c", "d")
    assert not result.success
    assert materialized(result).keys() == {"a", "d"}
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    failed = failure.step_failure_data
    assert failed.error
    assert "2 of 4 resources of shop failed; the others landed:" in failed.error.message
    assert failed.user_failure_data
    assert failed.user_failure_data.metadata.keys() == {"raw.b", "raw.c"}
    for name in "bc":
        assert (
            f"raw.{name} failed while extracting at dlthub/shop/data.py:17 in get_rows: ValueError: no {name} today"
            in failed.error.message
        )
        (launchpad.tree.root / "dlthub" / "shop" / f"{name}.fails").unlink()
    run = launchpad.instance.get_run_by_id(result.run_id)
    assert run
    assert run.execution_plan_snapshot_id
    plan = launchpad.instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    assets, _ = launchpad.instance.run_domain.get_keys_to_reexecute(run.run_id, plan)
    assert {key.path[-1] for key in assets} == {"b", "c"}
    again = launchpad.run(*(key.path[-1] for key in assets))
    assert again.success
    assert materialized(again).keys() == {"b", "c"}


@pytest.mark.parametrize("failing", [False, True])
def test_a_transformer_may_end_before_its_parent(launchpad: Launchpad, *, failing: bool) -> None:
    """A transformer that ends before its parent is materialized after it, and also if the parent fails."""
    launchpad.tree.add(
        "shop",
        f"""
        source: {{max_concurrency: 1}}
        resources:
          - {{entry: data.double, data_from: double, destination: raw.double_double}}
          - {{entry: data.double, data_from: parent, destination: raw.double}}
          - {{entry: data.get_rows, args: [x], destination: raw.parent, requires: [{"not_there" if failing else "id"}]}}
        """,
        DATA + "\n\ndef double(page):\n    yield [{'id': 2 * row['id']} for row in page]\n",
    )
    result = launchpad.run("parent", "double", "double_double")
    assert result.success is not failing
    assert list(materialized(result)) == [*(["parent"] if not failing else []), "double", "double_double"]
    assert launchpad.tree.query("select id from raw.double_double order by id") == [0, 4, 8]


def test_progress_reaches_the_event_log(launchpad: Launchpad, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each phase of a long load is logged while it runs; a short load logs its end only."""
    add_four(launchpad.tree)
    result = launchpad.run("a")
    messages = [entry.user_message for entry in launchpad.instance.all_logs(result.run_id)]
    assert [message for message in messages if message.startswith("raw.a: ")] == ["raw.a: done, 3 rows"]
    monkeypatch.setattr(ingestion, "PROGRESS_SECONDS", 0.0)
    result = launchpad.run("a", "b")
    messages = [entry.user_message for entry in launchpad.instance.all_logs(result.run_id)]
    for table in ("raw.a", "raw.b"):
        phases = [message.split(": ")[1].split(",")[0] for message in messages if message.startswith(f"{table}: ")]
        assert list(dict.fromkeys(phases)) == ["extract", "normalize", "load", "done"]
        assert f"{table}: done, 3 rows" in messages


def test_secrets_never_reach_the_event_log(launchpad: Launchpad, capfd: pytest.CaptureFixture[str]) -> None:
    """An error with a URL is shown without password and query values: in the log, the terminal and files."""
    launchpad.tree.add("shop", "resources: [{entry: data.get_secret, destination: raw.secret}]", DATA)
    result = launchpad.run("secret")
    assert not result.success
    output = log_of(launchpad, result) + "".join(capfd.readouterr())
    assert "ConnectionError" in output
    assert "token=***" in output
    assert "t0psecret" not in output
    assert "pa55word" not in output
    written = b"".join(file.read_bytes() for file in launchpad.tree.warehouse.work_folder.rglob("*") if file.is_file())
    assert b"t0psecret" not in written
    assert b"pa55word" not in written
