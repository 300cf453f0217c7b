"""Tests that `foundation plan` names each way to lose rows or to fail, and that the run then does what it said."""

from typing import Any, Literal

import pytest

from data_foundation.cli.rows_report import differences
from data_foundation.errors import FoundationError
from data_foundation.inspection.plan import Plan, make_plans
from data_foundation.local.preview import preview_resource
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from tests.support.trees import Tree

ROWS: list[dict[str, Any]] = [
    {"id": 1, "day": "2026-01-01", "at": "2026-01-01T00:00:00Z", "amount": 1.5, "lines": [{"sku": "a"}]},
    {"id": 2, "day": "2026-01-02", "at": "2026-01-02T00:00:00Z", "amount": 2.5, "lines": []},
    {"id": 3, "day": "2026-01-02", "at": "2026-01-03T00:00:00Z", "amount": 3.5, "lines": []},
]
AGAIN = [ROWS[2]]
APPEND, MERGE = "write_disposition: append", "write_disposition: merge, primary_key: id"
SCD2 = "write_disposition: {disposition: merge, strategy: scd2}"
BY_DAY, BY_AT = "incremental: {cursor_path: day}", "incremental: {cursor_path: at}"

Outcome = Literal["kept", "lost", "doubled", "refused"]
CASES: dict[str, tuple[str, str, Outcome, str]] = {
    "nothing changes": (MERGE, MERGE, "kept", ""),
    "append becomes replace": (APPEND, "write_disposition: replace", "lost", "3 rows, and those of orders__lines,"),
    "merge becomes replace": (MERGE, "write_disposition: replace", "lost", "were written by merge"),
    "append becomes merge by a unique key": (APPEND, MERGE, "kept", ""),
    "append becomes merge by a shared key": (
        APPEND, MERGE.replace("id", "day"), "lost", "2 of 3 rows share their key day",
    ),
    "another key that rows share": (MERGE, MERGE.replace("id", "day"), "lost", "2 of 3 rows share their key day"),
    "another key that is unique": (MERGE, MERGE.replace("id", "at"), "kept", "rows are found by primary_key at"),
    "a longer key": (MERGE.replace("id", "[id, day]"), MERGE, "kept", "rows are found by primary_key id"),
    "merge becomes scd2": (MERGE, SCD2, "refused", "strategy scd2 needs the dates of versions"),
    "scd2 becomes merge": (SCD2, MERGE, "refused", "the table keeps every version of a row"),
    "a type that holds less": (
        MERGE, f"{MERGE}, columns: {{day: {{data_type: bigint}}}}", "refused", "column day is text",
    ),
    "a type that holds more": (
        MERGE, f"{MERGE}, columns: {{id: {{data_type: text}}}}", "kept", "becomes text",
    ),
    "a new column": (MERGE, f"{MERGE}, columns: {{note: {{data_type: text}}}}", "kept", "new column note text"),
    "a new column that the contract forbids": (
        MERGE, f"{MERGE}, schema_contract: freeze, columns: {{note: {{data_type: text}}}}", "refused",
        "column note is new, and `schema_contract` columns: freeze forbids it",
    ),
    "a new column that the contract leaves out": (
        MERGE, f"{MERGE}, schema_contract: {{columns: discard_value}}, columns: {{note: {{data_type: text}}}}", "kept",
        "new column note text, and `schema_contract` leaves it out",
    ),
    "a column that is declared no more": (f"{MERGE}, columns: {{note: {{data_type: text}}}}", MERGE, "kept", ""),
    "another cursor of a merge": (
        f"{MERGE}, {BY_DAY}", f"{MERGE}, {BY_AT}", "kept", "the cursor is at, and the stored one is of day",
    ),
    "another cursor of an append": (
        f"{APPEND}, {BY_DAY}", f"{APPEND}, {BY_AT}", "kept", "the cursor is at, and the stored one is of day",
    ),
    "a column is renamed by a step": (
        MERGE, f"{MERGE}, processing_steps: [{{rename: {{amount: total}}}}]", "kept",
        "column amount is now total, by `processing_steps`: total is new, and amount keeps the values that it has",
    ),
    "a column of the source is renamed and keeps its name by a step": (
        MERGE, f"{MERGE}, processing_steps: [{{rename: {{total: amount}}}}]", "kept", "",
    ),
    "a declared column is renamed": (
        f"{MERGE}, columns: {{amount: {{data_type: double}}}}", f"{MERGE}, columns: {{total: {{data_type: double}}}}",
        "kept", "new column total double",
    ),
    "the key is renamed": (
        MERGE, MERGE.replace("id", "code"), "doubled", "3 rows have no code, by which rows are found",
    ),
    "a longer key by a column that is new": (
        MERGE, MERGE.replace("id", "[id, code]"), "doubled", "3 rows have no code, by which rows are found",
    ),
    "a renamed key keeps its name by a step": (
        MERGE, f"{MERGE}, processing_steps: [{{rename: {{code: id}}}}]", "kept", "",
    ),
    "the cursor of an append is gone": (f"{APPEND}, {BY_DAY}", APPEND, "refused", "also the rows that are there"),
}  # fmt: skip
"""Configurations of a load and of the next one, what happens to the rows, and words of the plan."""


NOTED = [{**row, "note": "x"} for row in AGAIN]
RENAMED = [{"total" if name == "amount" else name: value for name, value in row.items()} for row in AGAIN]
CODED = [{"code" if name == "id" else name: value for name, value in row.items()} for row in ROWS]
AGAIN_OF = {
    "a new column": NOTED,
    "a new column that the contract forbids": NOTED,
    "a new column that the contract leaves out": NOTED,
    "a column of the source is renamed and keeps its name by a step": RENAMED,
    "a declared column is renamed": RENAMED,
    "the key is renamed": CODED,
    "a longer key by a column that is new": [{**row, "code": "x"} for row in ROWS],
    "a renamed key keeps its name by a step": CODED[-1:],
}
"""The rows of the second load where they have other columns."""


def write(tree: Tree, keys: str, table: str = "raw.orders") -> None:
    """Configures the only resource."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: {table}, {keys}}}]")


def plan_of(tree: Tree) -> Plan:
    """Returns the plan of the only resource."""
    [plan] = make_plans(select_tasks([], *find_sources(tree.root)), tree.warehouse)
    return plan


@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_what_the_run_does(case: str, tree: Tree) -> None:
    """Rows that would be lost or doubled are losses, a run that fails is refused, and all else keeps every row."""
    before, after, outcome, words = CASES[case]
    write(tree, before)
    tree.give("shop", ROWS)
    tree.load("shop.orders", run_id="test")
    write(tree, after)
    plan = plan_of(tree)
    assert (bool(plan.losses), bool(plan.refusal)) == (outcome in {"lost", "doubled"}, outcome == "refused"), plan
    assert words in " ".join((*plan.changes, *plan.losses, plan.refusal))
    tree.give("shop", AGAIN_OF.get(case, ROWS if outcome == "doubled" else AGAIN))
    if outcome == "refused":
        with pytest.raises(FoundationError):
            tree.load("shop.orders", run_id="again")
    else:
        tree.load("shop.orders", run_id="again")
    found = tree.query("SELECT COALESCE(CAST(id AS BIGINT), 0) FROM raw.orders")
    kept = {
        "kept": sorted(found) == [1, 2, 3],
        "lost": not {1, 2, 3} <= {*found},
        "doubled": len(found) == 2 * len(ROWS),
    }
    assert kept.get(outcome, {*found} == {1, 2, 3}), found


@pytest.mark.parametrize("renamed", ["raw.purchases", "sales.orders"])
def test_a_table_of_another_name_leaves_the_rows_where_they_are(renamed: str, tree: Tree) -> None:
    """A destination that is renamed, table or dataset, is a new table; the plan names the one that has the rows."""
    write(tree, MERGE)
    tree.give("shop", ROWS)
    tree.load("shop.orders", run_id="test")
    write(tree, MERGE, renamed)
    plan = plan_of(tree)
    assert (plan.action, plan.losses) == ("create the table", ())
    assert plan.changes == (
        "raw.orders, which shop has loaded, is not configured any more: its rows and its cursor stay there",
    )
    tree.load(f"shop.{renamed.partition('.')[2]}")
    assert tree.query(f"SELECT id FROM {renamed} ORDER BY id") == tree.query("SELECT id FROM raw.orders ORDER BY id")


SEVERAL = """
import dlt

def get_rows():
    yield dlt.mark.with_table_name({"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}, "orders")
    yield dlt.mark.with_table_name({"id": 2}, "returns")
"""


def test_further_and_nested_tables_are_planned(tree: Tree) -> None:
    """Each table that an entry fills has its rows, or is created; one of another program is refused, as by the run."""
    keys = "write_disposition: append, tables: [returns], child_tables: [lines]"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {keys}}}]", SEVERAL)
    assert plan_of(tree).tables == {"raw.orders__lines": None, "raw.returns": None}
    tree.load("shop.orders", run_id="test")
    assert plan_of(tree).tables == {"raw.orders__lines": 2, "raw.returns": 1}
    more = keys.replace("[returns]", "[returns, theirs]")
    data = f'{SEVERAL}    yield dlt.mark.with_table_name({{"id": 3}}, "theirs")\n'
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {more}}}]", data)
    tree.query("CREATE TABLE raw.theirs AS SELECT 7 AS id")
    assert plan_of(tree).refusal.startswith("raw.theirs holds 1 rows that this resource has not loaded")
    with pytest.raises(FoundationError, match="holds 1 rows that this project has not"):
        tree.load("shop.orders", run_id="again")


def diff(tree: Tree) -> list[str]:
    """Returns what a load of the rows would create or change."""
    task = tree.task("shop.orders")
    return differences(tree.root, task, preview_resource(task.source, task.resource, 20))


VAULT = "primary_key: id, tag: sales, landing: vault"


def test_a_vault_is_planned(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest satellite has its rows; a column that opens another one is named, as the run then does it."""
    (tree.root / "dlthub").mkdir(exist_ok=True)
    (tree.root / "dlthub" / "tags.yaml").write_text("sales: {requires: {amount: decimal}}\n", encoding="utf-8")
    typed = f"{VAULT}, columns: {{amount: {{data_type: decimal}}}}"
    write(tree, typed)
    assert plan_of(tree).action == "create the satellite sat_shop_orders, and the hub unless another source has"
    tree.give("shop", [{"id": 1, "amount": 2}, {"id": 2, "amount": 3}])
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    assert [line.partition(":")[0] for line in diff(tree)] == ["new table sat_shop_orders"]
    tree.load("shop.orders", run_id="test")
    assert (plan_of(tree).rows, plan_of(tree).changes, plan_of(tree).refusal) == (2, (), "")
    write(tree, typed.replace("}}", "}, colour: {data_type: text}}"))
    [change] = plan_of(tree).changes
    assert (
        change
        == "column colour is not in sat_shop_orders: a new satellite is opened, and sat_shop_orders keeps its rows"
    )
    tree.give("shop", [{"id": 1, "amount": 2, "colour": "red"}])
    assert diff(tree) == ["new column colour text: a new satellite is opened beside sat_shop_orders"]
    assert any("colour is new" in warning for warning in tree.load("shop.orders", run_id="again").warnings)
    assert (plan_of(tree).rows, diff(tree)) == (1, [])


RENAMED_BACK = "processing_steps: [{rename: {code: id}}]"
VAULT_KEYS = {
    "the same key": ("id", "id", "", False),
    "another column": ("id", "number", "", True),
    "a column more": ("id", "[id, number]", "", True),
    "a column less": ("[id, number]", "id", "", True),
    "another order": ("[id, number]", "[number, id]", "", True),
    "a column of another name": ("id", "code", "code", True),
    "a column of another name that a step renames": ("id", f"id, {RENAMED_BACK}", "code", False),
}
"""Keys of a vault before and after, the name of `id` in the second load, and whether that is refused."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if "another" in case else pytest.mark.rare) for case in VAULT_KEYS]
)
def test_another_key_of_a_vault_is_refused(case: str, tree: Tree) -> None:
    """A key by which every row would have two current versions is refused, by plan and run; all else loads nothing."""
    before, after, name, refused = VAULT_KEYS[case]
    (tree.root / "dlthub").mkdir(exist_ok=True)
    (tree.root / "dlthub" / "tags.yaml").write_text("sales: {requires: {amount: decimal}}\n", encoding="utf-8")
    keys = "tag: sales, landing: vault, columns: {amount: {data_type: decimal}}, primary_key: "
    write(tree, keys + before)
    tree.give("shop", [{"id": 1, "number": 7, "amount": 2}])
    tree.load("shop.orders", run_id="test")
    write(tree, keys + after)
    tree.give("shop", [{name or "id": 1, "number": 7, "amount": 2}])
    named = "rows are distinguished by primary_key"
    assert plan_of(tree).refusal.startswith(named) is refused
    if refused:
        with pytest.raises(FoundationError, match=f"nothing was read: {named}"):
            tree.load("shop.orders", run_id="again")
    else:
        tree.load("shop.orders", run_id="again")
    assert tree.query("SELECT count(*) FROM raw.hub_sales") == [1]
    assert tree.query("SELECT count(*) FROM raw.sat_shop_orders") == [1]
