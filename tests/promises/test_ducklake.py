"""DuckLake: a load that is killed at any point and repeated loses and duplicates nothing."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.promises import killed
from tests.promises.test_killed import CURSOR, SCENARIOS, content, copy_of, has_ended
from tests.support.ducklakes import DuckLakeTree
from tests.support.postgres_server import PostgresServer

SAMPLE, MANY = 1, 30
"""Number of points per scenario, and with --promises."""

SOME = ("merge, nested",)
"""Scenarios of an ordinary test run."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes one scenario; with --promises, all of them."""
    metafunc.parametrize("name", SCENARIOS if metafunc.config.getoption("--promises") else SOME)


@pytest.mark.timeout(1800)
def test_a_repeated_killed_run_equals_one_run(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Catalogue in SQLite: killed around any statement, commit, rename or write, it ends like an undisturbed run."""
    before = DuckLakeTree(tmp_path / "before")
    reached = _interrupt(name, before, lambda root: copy_of(before, root), request)
    record_property("points in DuckLake", reached)


@pytest.mark.rare
@pytest.mark.timeout(1800)
def test_the_same_with_a_catalogue_in_postgres(
    name: str, postgres_server: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Catalogue in PostgreSQL: the same."""
    place = {"DUCKLAKE_CATALOG": "postgres", "DUCKLAKE_DATA": str(tmp_path / "files")}
    settings = {**place, **postgres_server.settings(postgres_server.create_database())}
    before = DuckLakeTree(tmp_path / "before", settings)

    def copied(root: Path) -> DuckLakeTree:
        """Copies the project and its catalogue; both have the same files, to which each adds its own."""
        database = postgres_server.create_database(settings["POSTGRES_DATABASE"])
        shutil.copytree(before.root, root)
        copy = replace(before, root=root, settings={**settings, "POSTGRES_DATABASE": database})
        (root / before.warehouse.work_folder.relative_to(before.root)).rename(copy.warehouse.work_folder)
        return copy

    reached = _interrupt(name, before, copied, request)
    record_property("points in DuckLake", reached)


def _interrupt(name: str, before: DuckLakeTree, copied: Callable[[Path], Any], request: pytest.FixtureRequest) -> int:
    """Kills runs of a scenario, and returns at how many points."""
    scenario, folder = SCENARIOS[name], before.root.parent
    scenario.prepare(before)
    undisturbed = copied(folder / "undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    assert any("commit" in point for point, _ in every)
    expected = content(undisturbed, scenario)
    wanted = min(MANY, len(every)) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Any) -> bool:
        if CURSOR not in scenario.settings and has_ended(tree):
            return False
        assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
        assert content(tree, scenario) == expected, killed.last_failure(tree)
        return True

    return killed.interrupt(every, wanted, lambda number: copied(folder / str(number)), judge)
