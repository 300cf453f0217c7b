"""What the kill proofs of SQL engines share: scenarios, and what must not depend on how often a run was begun."""

from typing import Any

import pytest

from tests.promises import killed
from tests.promises.test_killed import CURSOR, Scenario, has_ended
from tests.support.trees import Tree

NAMES = ("append, nested", "replace, nested", "merge, nested")

CONTENT = {
    "orders": "select id, at, state, colour from raw.orders order by 1, 2, 3, 4",
    "lines": (
        "select o.id, l.n from raw.orders__lines l join raw.orders o on l._dlt_parent_id = o._dlt_id order by 1, 2"
    ),
    "taxes": (
        "select l.n, t.rate from raw.orders__lines__taxes t"
        " join raw.orders__lines l on t._dlt_parent_id = l._dlt_id order by 1, 2"
    ),
    "loads": "select count(*) from raw._dlt_loads where status <> 0",
}


def take_names(metafunc: pytest.Metafunc) -> None:
    """Takes the one with the most statements in every test run, all where the promises are proved in full."""
    metafunc.parametrize("name", NAMES if metafunc.config.getoption("--promises") else NAMES[-1:])


def content(tree: Tree, scenario: Scenario) -> dict[str, list[Any]]:
    """Everything in the database that must not depend on how often a run was begun."""
    found = {name: tree.query(sql) for name, sql in CONTENT.items()}
    return {**found, "cursors": list(tree.load("shop.orders").cursor) if CURSOR in scenario.settings else []}


def is_one_run(tree: Tree, scenario: Scenario, expected: dict[str, list[Any]]) -> bool:
    """Makes a killed run again and asserts that all is as expected; False where it had left nothing to do."""
    if CURSOR not in scenario.settings and has_ended(tree):
        return False
    assert killed.run(tree, "shop.orders") == 0, killed.told(tree)
    assert content(tree, scenario) == expected, killed.told(tree)
    return True
