"""Scenarios and comparisons shared by the kill tests of SQL engines."""

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
    """Parametrizes the scenario with the most statements; with --promises, all scenarios."""
    metafunc.parametrize("name", NAMES if metafunc.config.getoption("--promises") else NAMES[-1:])


def content(tree: Tree, scenario: Scenario) -> dict[str, list[Any]]:
    """Returns everything in the database that must not depend on the number of attempts."""
    found = {name: tree.query(sql) for name, sql in CONTENT.items()}
    return {**found, "cursors": list(tree.load("shop.orders").cursor) if CURSOR in scenario.settings else []}


def is_one_run(tree: Tree, scenario: Scenario, expected: dict[str, list[Any]]) -> bool:
    """Repeats a killed run and asserts the result; returns False if the killed run was already complete."""
    if CURSOR not in scenario.settings and has_ended(tree):
        return False
    assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
    assert content(tree, scenario) == expected, killed.last_failure(tree)
    return True
