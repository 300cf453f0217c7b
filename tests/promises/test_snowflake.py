"""A process that is killed at any instant loses nothing in Snowflake and doubles nothing."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.promises import killed
from tests.promises.test_killed import CURSOR, SCENARIOS, Scenario, has_ended
from tests.snowflake.conftest import Account, SnowflakeTree, account, server

__all__ = ["account", "server"]  # fixtures

NAMES = ("append, nested", "replace, nested", "merge, nested")
SAMPLE, MANY = 3, 40
"""Points of a scenario that are tried: in every test run, and where the promises are proved in full."""

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


def prepared(scenario: Scenario, account: Account, root: Path) -> SnowflakeTree:
    """A checkout of its own deployment with one load behind it and another one before it."""
    tree = SnowflakeTree(root, account, account.warehouse(root))
    scenario.prepare(tree)
    return tree


def content(tree: SnowflakeTree, *, has_cursor: bool) -> dict[str, list[Any]]:
    """Everything in the deployment that must not depend on how often a run was begun."""
    found = {name: tree.query(sql) for name, sql in CONTENT.items()}
    return {**found, "cursors": list(tree.load("shop.orders").cursor) if has_cursor else []}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Takes the one with the most statements in every test run, all where the promises are proved in full."""
    metafunc.parametrize("name", NAMES if metafunc.config.getoption("--promises") else NAMES[-1:])


@pytest.mark.timeout(3600)
def test_a_killed_run_made_again_is_one_run(
    account: Account, name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed before or after any PUT, COPY, commit, rename or write, all ends as if nothing had been."""
    scenario = SCENARIOS[name]
    has_cursor = CURSOR in scenario.settings
    undisturbed = prepared(scenario, account, tmp_path / "undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    statements = [point for point, _ in every if point.startswith(("before", "after"))]
    for word in ("PUT", "COPY", "BEGIN", "COMMIT", "REMOVE"):
        assert any(word in point for point in statements), word
    expected = content(undisturbed, has_cursor=has_cursor)
    # Half of the points are statements: the others are the same for every engine.
    some = random.Random(name)  # noqa: S311 - a choice of tests
    every = [point for point in every if point[0] in statements or some.random() < 0.25]
    wanted = min(MANY, len(every)) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Any) -> bool:
        if not has_cursor and has_ended(tree):
            return False
        assert killed.run(tree, "shop.orders") == 0, killed.told(tree)
        assert content(tree, has_cursor=has_cursor) == expected, killed.told(tree)
        return True

    reached = killed.interrupt(every, wanted, lambda number: prepared(scenario, account, tmp_path / str(number)), judge)
    record_property("points in Snowflake", reached)
