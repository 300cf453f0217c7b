"""PostgreSQL: a load that is killed at any point and repeated loses and duplicates nothing."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.promises import killed
from tests.promises.portable import content, is_one_run, take_names
from tests.promises.test_killed import SCENARIOS
from tests.support.postgres_server import PostgresServer, PostgresTree

SAMPLE, MANY = 4, 40
"""Number of points per scenario, and with --promises."""


def copy_of(tree: PostgresTree, server: PostgresServer, root: Path) -> PostgresTree:
    """Copies the project and its database, including pending loads."""
    database = server.create_database(tree.settings["POSTGRES_DATABASE"])
    shutil.copytree(tree.root, root)
    copied = replace(tree, root=root, settings=server.settings(database))
    tree_folder = root / tree.warehouse.work_folder.relative_to(tree.root)
    tree_folder.rename(copied.warehouse.work_folder)
    return copied


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes the scenarios."""
    take_names(metafunc)


@pytest.mark.timeout(1800)
def test_a_repeated_killed_run_equals_one_run(
    postgres_server: PostgresServer, name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed around any statement, COPY, commit, rename or write, a repeated run ends like an undisturbed one."""
    scenario = SCENARIOS[name]
    before = PostgresTree(tmp_path / "before", postgres_server.settings(postgres_server.create_database()))
    scenario.prepare(before)
    undisturbed = copy_of(before, postgres_server, tmp_path / "undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    assert any("COPY" in point for point, _ in every)
    assert any("commit" in point for point, _ in every)
    expected = content(undisturbed, scenario)
    wanted = min(MANY, len(every)) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Any) -> bool:
        if not is_one_run(tree, scenario, expected):
            return False
        postgres_server.query(f"drop database {tree.settings['POSTGRES_DATABASE']} with (force)")
        return True

    reached = killed.interrupt(
        every, wanted, lambda number: copy_of(before, postgres_server, tmp_path / str(number)), judge
    )
    record_property("points in PostgreSQL", reached)
