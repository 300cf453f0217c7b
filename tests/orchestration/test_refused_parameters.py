"""Tests of launchpad parameters that match nothing: the run is refused before any table is loaded."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data_foundation.orchestration.factory import build_definitions
from tests.support.trees import Tree

SOURCE = """
resources:
  - {entry: data.get_rows, destination: raw.orders, write_disposition: merge, primary_key: id,
     incremental: {cursor_path: day, initial_value: "2024-01-01"}}
  - {entry: data.get_rows, destination: raw.items, write_disposition: replace}
  - {entry: data.get_rows, destination: raw.days, write_disposition: merge, primary_key: id,
     partitions: {by: daily, start: 2024-01-01}}
"""
DATA = "def get_rows(colour='red'):\n    yield [{'id': 1, 'day': '2024-01-02', 'colour': colour}]\n"
DAYS = "shop__daily_20240101"


def execute(
    tree: Tree, *tables: str, config: Mapping[str, Any], op: str = "shop", **options: Any
) -> dg.ExecuteInProcessResult:
    """Materializes tables in one run with these parameters."""
    job = build_definitions(tree.root, tree.warehouse).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        asset_selection=[dg.AssetKey(["raw", table]) for table in tables],
        run_config={"ops": {op: {"config": config}}},
        raise_on_error=False,
        **options,
    )


REFUSED = {
    "typo": (
        {"kwargs": {"order": {"colour": "blue"}}}, {},
        "so nothing was loaded; accepted: orders. Did you mean 'orders'?",
    ),
    "table that is not selected": (
        {"kwargs": {"items": {"colour": "blue"}}}, {}, "got 'items', which is no table of this run",
    ),
    "one of two": (
        {"kwargs": {"orders": {"colour": "blue"}, "raw.item": {}}}, {}, "got 'raw.item', which is no table of this run",
    ),
    "end before start": (
        {"start": "2024-02-01", "end": "2024-01-01"}, {}, "start 2024-02-01 is not before end 2024-01-01",
    ),
    "one day": ({"start": "2024-02-01", "end": "2024-02-01"}, {}, "end 2024-02-01, which is not included"),
    "start in a partition": (
        {"start": "2024-01-01"}, {"tables": ("days",), "op": DAYS, "partition_key": "2024-01-02"},
        "start and end: got '2024-01-01', and the run loads partitions of raw.days",
    ),
    "end in a range of partitions": (
        {"end": "2024-01-01"},
        {"tables": ("days",), "op": DAYS, "tags": {"dagster/asset_partition_range_start": "2024-01-02",
                                                   "dagster/asset_partition_range_end": "2024-01-04"}},
        "choose the partitions when you launch the run",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("config", "run", "message"), REFUSED.values(), ids=REFUSED)
def test_a_parameter_without_effect_is_refused(
    tree: Tree, config: dict[str, Any], run: dict[str, Any], message: str
) -> None:
    """The run fails with the accepted values and loads no table."""
    tree.add("shop", SOURCE, DATA)
    options = {"tables": ("orders",), **run}
    result = execute(tree, *options.pop("tables"), config=config, **options)
    [failure] = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.error
    assert message in failure.error.message
    assert not result.get_asset_materialization_events()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({"limit": -1}, "limit: got -1; accepted: 0 or more rows", id="negative limit"),
        pytest.param({"limit": "ten"}, "limit", id="limit in words"),
        pytest.param({"kwargs": {"orders": "blue"}}, "kwargs", id="kwargs that are no mapping"),
    ],
)
def test_a_value_that_is_none_is_refused_with_the_config(tree: Tree, config: dict[str, Any], message: str) -> None:
    """The schema of the config refuses it, so Dagster creates no run."""
    tree.add("shop", SOURCE, DATA)
    job = build_definitions(tree.root, tree.warehouse).resolve_implicit_global_asset_job_def()
    with pytest.raises(Exception, match=message):
        dg.validate_run_config(job, {"ops": {"shop": {"config": config}}})
    for accepted in ({}, {"limit": 0}, {"limit": None}, {"kwargs": {"orders": {"colour": "blue"}}}):
        assert dg.validate_run_config(job, {"ops": {"shop": {"config": accepted}}})


def shop_job() -> dg.JobDefinition:
    """Returns the job of all assets of the tree in ROOT."""
    root = Path(os.environ["ROOT"])
    everything = dg.Definitions(jobs=[dg.define_asset_job("everything")])
    sources = build_definitions(root, Tree(root).warehouse)
    return dg.Definitions.merge(sources, everything).resolve_job_def("everything")


def test_a_re_execution_keeps_arguments_of_tables_that_have_landed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A re-execution has the parameters of the first run and loads fewer tables; a typo is refused in it too."""
    tree.add("shop", SOURCE, DATA)
    monkeypatch.setenv("ROOT", str(tree.root))
    with dg.instance_for_test() as instance:

        def execute_again(name: str, *tables: str, parent: str | None = None) -> dg.JobExecutionResult:
            return dg.execute_job(
                dg.reconstructable(shop_job),
                instance,
                {"ops": {"shop": {"config": {"kwargs": {name: {"colour": "blue"}}}}}},
                asset_selection=[dg.AssetKey(["raw", table]) for table in tables],
                reexecution_options=dg.ReexecutionOptions(parent_run_id=parent) if parent else None,
            )

        with execute_again("items", "orders", "items") as first:
            assert first.success
        for name, succeeds in {"items": True, "item": False}.items():
            with execute_again(name, "orders", parent=first.run_id) as again:
                assert again.success is succeeds
    assert tree.query("SELECT colour FROM raw.items") == ["blue"]
