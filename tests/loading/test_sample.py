"""Tests of samples: a run with a limit lands beside its tables and leaves them as they are."""

from typing import Any

import pytest

import data_foundation
from data_foundation.loading.parallel import Outcome
from data_foundation.loading.ranges.sample import beside_table
from data_foundation.local.run import load_and_log
from tests.support.trees import Tree

CURSOR = "incremental: {cursor_path: id, initial_value: 0}"
KINDS = {
    "replace": "write_disposition: replace",
    "append": "write_disposition: append",
    "append with a cursor": f"write_disposition: append, {CURSOR}",
    "merge": f"write_disposition: merge, primary_key: id, {CURSOR}",
    "merge by merge_key": "write_disposition: merge, merge_key: day",
    "scd2": "write_disposition: {disposition: merge, strategy: scd2}, primary_key: id",
    "partitions": "write_disposition: merge, primary_key: id, partitions: {by: daily, start: 2024-01-01}",
    "vault": "landing: vault, primary_key: id, tag: customer",
}
ROWS = [{"id": number, "day": "2024-01-01", "lines": [{"n": 1}]} for number in range(1, 6)]


def sample(tree: Tree, limit: int, **options: Any) -> Outcome:
    """Loads a sample of the table as `foundation run` does."""
    task = tree.task("shop.orders", limit=limit, run_id="run", **options)
    [outcome] = [event for event in load_and_log(tree.root, [task], tree.warehouse) if isinstance(event, Outcome)]
    return outcome


def contents(tree: Tree) -> dict[str, list[Any]]:
    """Returns the rows of all tables in the dataset raw, those of dlt included; the audit trail names samples too."""
    tables = "select table_name from information_schema.tables where table_schema = 'raw'"
    return {
        name: tree.query(f"select * from raw.{name} order by all")
        for name in tree.query(tables)
        if name != "_load_audit"
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_a_sample_lands_beside_its_table(tree: Tree, settings: str) -> None:
    """It replaces the last sample; the table, its cursor and its history are as without it."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]")
    tree.write("dlthub/tags.yaml", "customer: {requires: {day: text}}")
    tree.give("shop", ROWS)
    tree.load("shop.orders")
    before = contents(tree)
    for limit in (3, 2):
        outcome = sample(tree, limit)
        assert outcome.result, outcome.error
        assert (outcome.result.destination, outcome.result.rows) == ("raw__sample.orders", limit)
        assert len(tree.query("select id from raw__sample.orders")) == limit
    assert contents(tree) == before
    tree.give("shop", [*ROWS, {"id": 6, "day": "2024-01-01"}])
    assert tree.load("shop.orders").warnings == ()


def test_the_first_load_may_be_a_sample(tree: Tree) -> None:
    """In an empty warehouse too: the table does not exist until all of its rows are loaded."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {KINDS['replace']}}}]")
    tree.give("shop", ROWS)
    [job] = data_foundation.run_sources(["shop"], root=tree.root, limit=2)
    assert (job.destination, job.rows) == ("raw__sample.orders", 2)
    assert not contents(tree)


def test_a_sample_in_a_lake_has_a_folder_of_its_own(tree: Tree) -> None:
    """The folder that `lake` names ends in `__sample`, for the hints of the code as for those of the configuration."""
    place = "lake: {container: bronze, folder: sales/eu}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {place}}}]")
    task = beside_table(tree.task("shop.orders", limit=2))
    for resource in (task.resource, task.resource.configured):
        assert (str(resource.lake), resource.destination) == ("bronze/sales/eu__sample", "raw__sample.orders")
    whole = tree.task("shop.orders")
    assert beside_table(whole) is whole


def test_the_hints_of_the_code_count_for_a_sample(tree: Tree) -> None:
    """A disposition and a key that only the code declares lead to the same sample."""
    code = """
    import dlt


    @dlt.resource(write_disposition="merge", primary_key="id")
    def get_rows():
        yield [{"id": number} for number in range(5)]
    """
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders}]")
    tree.write("dlthub/shop/data.py", code)
    tree.load("shop.orders")
    assert sample(tree, 2).result
    assert [tree.query(f"select count(*) from {name}.orders") for name in ("raw", "raw__sample")] == [[5], [2]]


def test_children_of_a_sample_land_with_it(tree: Tree) -> None:
    """Nested rows of a sample, and a transformer of a parent that is sampled too."""
    yaml = """
    resources:
      - {entry: data.get_rows, destination: raw.orders, write_disposition: replace, child_tables: [lines]}
      - {entry: data.double, data_from: orders, destination: raw.doubles, write_disposition: replace}
    """
    code = """
    def get_rows():
        yield [{"id": number, "lines": [{"n": 1}, {"n": 2}]} for number in range(5)]


    def double(rows):
        yield [{"id": 2 * row["id"]} for row in rows]
    """
    tree.add("shop", yaml)
    tree.write("dlthub/shop/data.py", code)
    jobs = data_foundation.run_sources(["shop"], root=tree.root, limit=2)
    assert [(job.destination, job.rows) for job in sorted(jobs, key=lambda job: job.destination)] == [
        ("raw__sample.doubles", 2), ("raw__sample.orders", 2),
    ]  # fmt: skip
    assert tree.query("select count(*) from raw__sample.orders__lines") == [4]
