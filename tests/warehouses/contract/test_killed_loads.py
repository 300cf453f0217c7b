"""A load that is killed at any point and repeated loses and duplicates nothing, on engines that dlt's classes serve."""

from pathlib import Path

import pytest

from tests.promises import killed
from tests.promises.portable import content, is_one_run
from tests.promises.test_killed import SCENARIOS
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES

CELLS = [
    *(
        (engine, name)
        for engine in ("mariadb", "sqlite")
        for name in ("append, nested", "replace, nested", "merge, nested")
    ),
    ("general", "merge, nested"),
]
"""Engines with the scenarios that each promises; the other engines have files of their own in tests/promises."""

SAMPLE, MANY = 2, 25
"""Number of points per cell, and with --promises."""


@pytest.mark.sampled(7)
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "scenario"), CELLS)
def test_a_repeated_killed_run_equals_one_run(
    name: str, scenario: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Killed around any statement, commit, rename or write, a repeated run ends like an undisturbed one."""

    def prepared(folder: str) -> Tree:
        tree = ENGINES[name].share(request, tmp_path / folder)(tmp_path / folder / "here")
        SCENARIOS[scenario].prepare(tree)
        return tree

    undisturbed = prepared("undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    assert any("INSERT INTO" in point for point, _ in every) or name == "general"
    assert any("commit" in point for point, _ in every)
    expected = content(undisturbed, SCENARIOS[scenario])
    wanted = min(MANY, len(every)) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Tree) -> bool:
        return is_one_run(tree, SCENARIOS[scenario], expected)

    killed.interrupt(every, wanted, lambda number: prepared(str(number)), judge)
