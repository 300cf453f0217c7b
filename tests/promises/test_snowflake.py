"""Snowflake: a load that is killed at any point and repeated loses and duplicates nothing."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.promises import killed
from tests.promises.portable import content, is_one_run, take_names
from tests.promises.test_killed import SCENARIOS, Scenario
from tests.snowflake.conftest import Account, SnowflakeTree, account, server

__all__ = ["account", "server"]  # fixtures

SAMPLE, MANY = 1, 40
"""Number of points per scenario, and with --promises."""


def prepared(scenario: Scenario, account: Account, root: Path) -> SnowflakeTree:
    """Returns a project with its own deployment in the account, one finished load, and the rows of the next."""
    tree = SnowflakeTree(root, account, account.warehouse(root))
    scenario.prepare(tree)
    return tree


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes the scenarios."""
    take_names(metafunc)


@pytest.mark.rare
@pytest.mark.timeout(3600)
def test_a_repeated_killed_run_equals_one_run(
    account: Account, name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed before or after any PUT, COPY, commit, rename or write, a repeated run ends like an undisturbed one."""
    scenario = SCENARIOS[name]
    undisturbed = prepared(scenario, account, tmp_path / "undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    statements = [point for point, _ in every if point.startswith(("before", "after"))]
    for word in ("PUT", "COPY", "BEGIN", "COMMIT", "REMOVE"):
        assert any(word in point for point in statements), word
    expected = content(undisturbed, scenario)
    # All statements, but only a part of the other points, which are the same for every engine.
    some = random.Random(name)  # noqa: S311 - a choice of tests
    every = [point for point in every if point[0] in statements or some.random() < 0.25]
    wanted = min(MANY, len(every)) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Any) -> bool:
        return is_one_run(tree, scenario, expected)

    reached = killed.interrupt(every, wanted, lambda number: prepared(scenario, account, tmp_path / str(number)), judge)
    record_property("points in Snowflake", reached)
