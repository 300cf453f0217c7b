"""Lakes: a load that is killed at any point and repeated loses and duplicates nothing."""

import itertools
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.promises import killed
from tests.promises.test_killed import ARROW, CURSOR, Scenario, content, copy_of, has_ended
from tests.support.lakes import MarkedLakeTree, MarkedParquetTree

MERGE = ["write_disposition: merge", "primary_key: id", CURSOR]
SCENARIOS = {
    "delta, append": Scenario(["write_disposition: append", CURSOR], nested=True, tree=MarkedLakeTree),
    "delta, append without a cursor": Scenario(["write_disposition: append"], tree=MarkedLakeTree),
    "delta, append, Arrow": Scenario(["write_disposition: append", CURSOR], ARROW, tree=MarkedLakeTree),
    "delta, replace": Scenario(["write_disposition: replace"], nested=True, tree=MarkedLakeTree),
    "delta, merge": Scenario(MERGE, nested=True, tree=MarkedLakeTree),
    "delta, merge, partitioned": Scenario(
        [*MERGE, "columns: {state: {partition: true}}"], nested=True, tree=MarkedLakeTree
    ),
    "delta, insert-only": Scenario(
        ["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"],
        nested=True,
        tree=MarkedLakeTree,
    ),
    "parquet, append": Scenario(["write_disposition: append", CURSOR], nested=True, tree=MarkedParquetTree),
    "parquet, append without a cursor": Scenario(["write_disposition: append"], tree=MarkedParquetTree),
    "parquet, replace": Scenario(["write_disposition: replace"], nested=True, tree=MarkedParquetTree),
}
SOME = ("delta, merge", "parquet, replace")
SAMPLE = 1
"""Scenarios, and points of each, of an ordinary test run."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes two scenarios; with --promises, all of them."""
    if metafunc.function is test_a_repeated_killed_run_equals_one_run:
        metafunc.parametrize("name", SCENARIOS if metafunc.config.getoption("--promises") else SOME)


@pytest.mark.timeout(1800)
def test_a_repeated_killed_run_equals_one_run(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed around any commit, file or rename, a repeated run ends like an undisturbed one, also on an empty disk."""
    scenario, before = SCENARIOS[name], SCENARIOS[name].tree(tmp_path / "before")
    scenario.prepare(before)
    undisturbed = copy_of(before, tmp_path / "undisturbed")
    every = [point for point in killed.trace(undisturbed, "shop.orders") if is_of_load(point[0])]
    expected = content(undisturbed, scenario)
    wanted = 2 * len(every) if request.config.getoption("--promises") else SAMPLE
    disks = itertools.cycle((False, True))

    def judge(tree: Any) -> bool:
        lost_disk = next(disks)
        if has_landed(tree, scenario, lost_disk=lost_disk):
            return False
        if lost_disk:
            shutil.rmtree(tree.root / "data")
        assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
        assert content(tree, scenario) == expected, killed.last_failure(tree)
        assert tree.turns() == ["free"]
        return True

    reached = killed.interrupt(every * 2, wanted, lambda number: copy_of(before, tmp_path / str(number)), judge, 0.6)
    record_property("points", reached)


def is_of_load(point: str) -> bool:
    """Returns True if the point touches the lake, not only the working folder."""
    return "/lake/" in point or "/marks/" in point


def has_landed(tree: Any, scenario: Scenario, *, lost_disk: bool) -> bool:
    """Returns True if the killed run was complete, so that the next one is a new run, which appends again."""
    if CURSOR in scenario.settings:
        return False
    if not lost_disk:
        return has_ended(tree)
    # Only the disk distinguishes a repeated run from a new one.
    return len(tree.query("select load_id from raw._dlt_loads")) == 2 and "append" in str(scenario.settings)


@pytest.mark.rare
@pytest.mark.parametrize("name", ["delta, merge", "parquet, replace"])
def test_a_run_killed_at_any_time_equals_one_run(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed at random times, for instance during a commit, and again during the repair, it ends like any other run."""
    scenario, before = SCENARIOS[name], SCENARIOS[name].tree(tmp_path / "before")
    scenario.prepare(before)
    undisturbed = copy_of(before, tmp_path / "undisturbed")
    started = time.monotonic()
    assert killed.run(undisturbed, "shop.orders") == 0
    whole = time.monotonic() - started
    expected = content(undisturbed, scenario)
    draw = random.Random(name)  # noqa: S311 - a choice of tests
    for number in range(60 if request.config.getoption("--promises") else 1):
        tree = copy_of(before, tmp_path / str(number))
        for _ in range(2):
            process = killed.start(tree, "shop.orders")
            process.join(whole * draw.uniform(0.5, 1.0))
            process.kill()
            process.join()
        assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
        assert content(tree, scenario) == expected
        record_property("points", 2)
