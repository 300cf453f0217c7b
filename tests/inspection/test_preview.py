"""Tests of `foundation preview`: nested rows have their parent's, and `--diff` says what the load then does."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.cli.rows_report import differences
from data_foundation.local.preview import preview_resource
from tests.support.lakes import LakeTree
from tests.support.trees import Tree

SHOP = (
    "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append, "
    "child_tables: [lines, lines.taxes]}]"
)
ORDER: dict[str, Any] = {"id": 1, "amount": 2, "lines": [{"sku": "a", "taxes": [{"rate": 9}, {"rate": 21}]}]}


def preview(tree: Tree, rows: list[dict[str, Any]]) -> list[Any]:
    """Returns the preview of rows."""
    tree.add("shop", SHOP)
    tree.give("shop", rows)
    task = tree.task("shop.orders")
    return preview_resource(task.source, task.resource, 20)


def diff(tree: Tree, rows: list[dict[str, Any]]) -> list[str]:
    """Returns what a load of rows would change."""
    found = preview(tree, rows)
    (tree.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings(tree).items()))
    return differences(tree.root, tree.task("shop.orders"), found)


def settings(tree: Tree) -> dict[str, str]:
    """Returns the settings of the tree's warehouse."""
    return {"WAREHOUSE": "lake", **tree.settings} if isinstance(tree, LakeTree) else {"WAREHOUSE": "duckdb"}


def test_nested_rows_name_the_row_of_their_parent(tree: Tree) -> None:
    """Each nested row has the number of the row that it belongs to, on every level, in the order of the rows."""
    rows = [
        {"id": 1, "lines": [{"sku": "a", "taxes": [{"rate": 9}]}, {"sku": "b", "taxes": []}]},
        {"id": 2, "lines": []},
        {"id": 3, "lines": [{"sku": "c", "taxes": [{"rate": 21}, {"rate": 6}]}]},
    ]
    orders, lines, taxes = preview(tree, rows)
    assert (orders.parent, orders.parents) == ("", ())
    assert (lines.parent, lines.parents) == (orders.destination, (1, 1, 3))
    assert [row[lines.names.index("sku")] for row in lines.rows] == ["a", "b", "c"]
    assert (taxes.parent, taxes.parents) == (lines.destination, (1, 3, 3))
    assert [row[0] for row in taxes.rows] == [9, 21, 6]


VARIANT = (
    "column orders.amount is bigint: 1 of 1 values are text; they would land in a column amount__v_text, "
    "unless `schema_contract` refuses them"
)
CHANGES: dict[str, tuple[dict[str, Any], list[str], set[str]]] = {
    "nothing": (ORDER, [], set()),
    "a column": ({**ORDER, "note": "x"}, ["new column orders.note text"], {"orders.note"}),
    "a column of a nested table": (
        {**ORDER, "lines": [{"sku": "a", "pieces": 1, "taxes": []}]},
        ["new column orders__lines.pieces bigint"],
        {"orders__lines.pieces"},
    ),
    "a nested table": (
        {**ORDER, "parcels": [{"code": "p"}]},
        ["new table orders__parcels: code text"],
        {"orders__parcels.code"},
    ),
    "a type": ({**ORDER, "amount": "two"}, [VARIANT], {"orders.amount__v_text"}),
    "a type that fits": ({**ORDER, "amount": "2"}, [], set()),
}


@pytest.mark.parametrize("case", CHANGES)
def test_the_difference_is_what_the_load_then_does(case: str, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named column or table is made by the load, a value of another type lands where it was said, and no other."""
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    row, expected, made = CHANGES[case]
    columns = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'raw'"
    preview(tree, [ORDER])
    tree.load("shop.orders")
    before = set(tree.query(columns))
    assert diff(tree, [row]) == expected
    assert set(tree.query(columns)) == before
    tree.load("shop.orders")
    assert {name for name in set(tree.query(columns)) - before if "._dlt" not in name} == made


def test_a_table_that_does_not_exist_is_new(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first load every table is new; the command prints the same, as JSON too, and writes nothing."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tree.root))
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    expected = [
        "new table orders: id bigint, amount bigint",
        "new table orders__lines: sku text",
        "new table orders__lines__taxes: rate bigint",
    ]
    assert diff(tree, [ORDER]) == expected
    monkeypatch.chdir(tree.root)
    done = CliRunner().invoke(app, ["preview", "shop", "--diff", "--json"])
    assert json.loads(done.stdout) == {"asset": "raw.orders", "changes": expected}
    assert "new table orders__lines: sku text" in CliRunner().invoke(app, ["preview", "shop", "--diff"]).stdout
    shown = CliRunner().invoke(app, ["preview", "shop"]).stdout
    assert "row of parent" in shown


def test_a_lake_is_compared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored schema of a lake is read, and a new column of its table is named."""
    for name in ("WAREHOUSE", "DEPLOYMENT", "LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    lake = LakeTree(tmp_path)
    preview(lake, [ORDER])
    lake.load("shop.orders")
    assert diff(lake, [ORDER]) == []
    assert diff(lake, [{**ORDER, "note": "x"}]) == ["new column orders.note text"]
