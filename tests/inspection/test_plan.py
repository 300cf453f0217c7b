"""Tests of `foundation plan`: what it says of each disposition is what the run then does."""

import json
from contextlib import suppress
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.errors import FoundationError, LoadError, NoRows
from data_foundation.inspection.plan import Plan, make_plans
from data_foundation.inspection.schema_history import read_history
from data_foundation.inspection.tables import show_table
from data_foundation.local.selection import select_tasks
from data_foundation.naming import TableName
from data_foundation.project.find_sources import find_sources
from tests.support.lakes import LakeTree
from tests.support.trees import Tree

RESOURCE = "resources: [{{entry: data.get_rows, destination: raw.orders, {keys}}}]"
APPEND, REPLACE = RESOURCE.format(keys="write_disposition: append"), RESOURCE.format(keys="write_disposition: replace")
MERGE = RESOURCE.format(
    keys="write_disposition: merge, primary_key: id, incremental: {cursor_path: day}, "
    "columns: {amount: {data_type: decimal}, note: {data_type: text}}"
)
ROWS: list[dict[str, Any]] = [{"id": 1, "day": "2026-01-01", "amount": 1}, {"id": 2, "day": "2026-01-02", "amount": 2}]


REPLACES = "replace all rows; keep them if the source returns none"


def plan_of(tree: Tree) -> Plan:
    """Returns the plan of the only resource."""
    [plan] = make_plans(select_tasks([], *find_sources(tree.root)), tree.warehouse)
    return plan


def load(tree: Tree, configuration: str, rows: list[dict[str, Any]]) -> None:
    """Loads rows with a configuration."""
    tree.add("shop", configuration)
    tree.give("shop", rows)
    tree.load("shop.orders", run_id="test")


def test_a_table_that_does_not_exist_is_created(any_tree: Tree) -> None:
    """Before the first load there is a table to create, and nothing to lose."""
    any_tree.add("shop", REPLACE)
    assert plan_of(any_tree) == Plan("raw.orders", "create the table")


def test_replacing_what_was_added_loses_rows(any_tree: Tree) -> None:
    """A table of appended rows that is to be replaced is named with its rows, and the run does lose them."""
    load(any_tree, APPEND, ROWS)
    assert (plan_of(any_tree).action, plan_of(any_tree).losses) == ("add rows", ())
    any_tree.add("shop", REPLACE)
    plan = plan_of(any_tree)
    assert (plan.action, plan.rows) == (REPLACES, 2)
    assert plan.losses[0].startswith("2 rows that were written by append are replaced by what the source returns now")
    load(any_tree, REPLACE, [{"id": 3}])
    assert any_tree.query("SELECT id FROM raw.orders") == [3]
    assert plan_of(any_tree).losses == ()


def test_a_run_that_is_refused_is_planned_so(tree: Tree) -> None:
    """A table with the rows of another program, or one that is gone, is refused by the plan as by the run."""
    tree.add("shop", REPLACE)
    (tree.root / "data").mkdir()
    with duckdb.connect(tree.warehouse.path) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE TABLE raw.orders AS SELECT 1 AS id")
    assert plan_of(tree).refusal.startswith("it holds 1 rows that this project has not loaded: `foundation adopt`")
    with pytest.raises(LoadError, match="holds 1 rows that this project has not loaded"):
        load(tree, REPLACE, ROWS)
    tree.query("DELETE FROM raw.orders")
    assert (plan_of(tree).action, plan_of(tree).refusal) == (f"{REPLACES}; another program has made the table", "")
    load(tree, REPLACE, ROWS)
    tree.query("DROP TABLE raw.orders")
    assert plan_of(tree).refusal.startswith("loads have landed in it, and it was dropped or renamed")
    with pytest.raises(LoadError, match="was dropped or renamed"):
        tree.load("shop.orders")


def test_a_merge_reads_on_at_its_cursor(tree: Tree) -> None:
    """The cursor, configured columns that are new, and those whose type changes are named before the run."""
    load(tree, MERGE.replace("decimal", "bigint").replace(", note: {data_type: text}", ""), ROWS)
    tree.add("shop", MERGE)
    plan = plan_of(tree)
    assert plan.action == "add rows, and replace those with the same key"
    assert "2026-01-02" in (plan.cursor or "")
    assert plan.changes == ("column amount: bigint becomes decimal", "new column note text")
    assert plan.losses == ()


def test_the_command_exits_with_2_where_rows_would_be_lost(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script learns by the exit code that rows would be lost, and why from JSON; nothing was written."""
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tree.root))
    load(tree, APPEND, ROWS)
    monkeypatch.chdir(tree.root)
    assert CliRunner().invoke(app, ["plan"]).exit_code == 0
    tree.add("shop", REPLACE)
    done = CliRunner().invoke(app, ["plan", "shop", "--json"])
    assert done.exit_code == 2
    [line] = done.stdout.splitlines()
    assert json.loads(line)["losses"]
    assert "lost 2 rows" in CliRunner().invoke(app, ["plan"]).stdout
    assert tree.query("SELECT count(*) FROM raw.orders") == [2]


EMPTY = {"keep": ([1, 2], "keep them"), "truncate": ([], "empty the table"), "fail": ([1, 2], "fail")}


@pytest.mark.parametrize("on_empty", EMPTY)
def test_a_replace_without_rows_is_planned(on_empty: str, tree: Tree) -> None:
    """The plan says what a replace without rows does, and the run then does it."""
    rows, words = EMPTY[on_empty]
    load(tree, REPLACE, ROWS)
    tree.add("shop", RESOURCE.format(keys=f"write_disposition: replace, on_empty: {on_empty}"))
    assert plan_of(tree).action == f"replace all rows; {words} if the source returns none"
    tree.give("shop", [])
    with suppress(NoRows):
        tree.load("shop.orders")
    assert tree.query("SELECT id FROM raw.orders ORDER BY id") == rows


def test_another_key_is_named(any_tree: Tree) -> None:
    """A merge that finds rows by another key than those of the table were found by is named, with both."""
    key = RESOURCE.format(keys="write_disposition: merge, primary_key: {key}")
    load(any_tree, key.replace("{key}", "id"), ROWS)
    assert plan_of(any_tree).changes == ()
    any_tree.add("shop", key.replace("{key}", "[day, amount]"))
    [change] = plan_of(any_tree).changes
    assert change.startswith("rows are found by primary_key amount, day, and those of the table were by primary_key id")


def test_a_lake_is_shown_and_planned_without_a_catalogue(tmp_path: Any) -> None:
    """Rows of a lake's table are shown, and its plan has rows, losses and changed columns as any other."""
    lake = LakeTree(tmp_path)
    lake.add("shop", APPEND)
    assert plan_of(lake) == Plan("raw.orders", "create the table")
    load(lake, APPEND, ROWS)
    assert (plan_of(lake).action, plan_of(lake).rows) == ("add rows", 2)
    assert show_table(lake.warehouse, "raw.orders", 1).is_cut
    lake.add("shop", REPLACE)
    assert plan_of(lake).losses[0].startswith("2 rows that were written by append are replaced")
    lake.add("shop", APPEND.replace("append", "append, columns: {note: {data_type: text}}"))
    assert plan_of(lake).changes == ("new column note text",)
    with pytest.raises(FoundationError, match="a lake has the newest schema in a file, and no history"):
        read_history(lake.warehouse, TableName("raw", "orders"))
