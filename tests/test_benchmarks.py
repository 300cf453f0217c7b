"""Runs the benchmarks at a size at which nothing can be said of speed: the sides must do the same."""

import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.definitions import DEFINITIONS
from benchmarks.definitions.tree import RESOURCES
from benchmarks.measure import IMPORTS, SidesDiffer, compare_sides
from data_foundation.errors import WarehouseError
from data_foundation.factory import build_definitions

ROOT = Path(__file__).parents[1]
SIZE = 2


@pytest.fixture(scope="module")
def printed() -> str:
    """What `python -m benchmarks` writes, whole."""
    command = [sys.executable, "-m", "benchmarks", "--size", str(SIZE), "--rounds", "1"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_every_side_defines_the_same_assets() -> None:
    """Ours, `@dlt_assets` and the bare loop give assets with the same keys, lineage, groups, owners, tags and texts."""
    (samples,) = compare_sides(DEFINITIONS, SIZE, rounds=1)
    assert tuple(samples) == DEFINITIONS.sides
    assert len({sample.outcome["content"] for sample in samples.values()}) == 1
    for sample in samples.values():
        assert (sample.outcome["assets"], sample.outcome["operations"]) == (SIZE * (1 + RESOURCES), SIZE)
        assert list(sample.phases) == [IMPORTS, "definitions", "asset graph"]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs_by_its_command(name: str, printed: str) -> None:
    """`python -m benchmarks` runs every benchmark and shows every side, and ours at every size."""
    benchmark = BENCHMARKS[name]
    assert benchmark.question in printed
    assert all(f"│ {side} " in printed for side in benchmark.sides)
    assert all(f" {SIZE * scale} │" in printed for scale in benchmark.scales)


def test_sides_that_differ_are_refused() -> None:
    """A comparison of different things ends with an error, not with figures."""
    lame = replace(DEFINITIONS, sides=("ours", "bare"), prepare=lambda root, size: DEFINITIONS.prepare(root, size - 1))
    with pytest.raises(SidesDiffer, match="definitions"):
        list(compare_sides(lame, SIZE, rounds=1))


def test_an_unknown_benchmark_is_told_with_those_there_are() -> None:
    """A misspelt name is answered with the right ones."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "definition"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in BENCHMARKS)


def test_building_leaves_the_garbage_collector_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector runs again after a build, whether it failed or not; none but the first is kept for ever."""
    build_definitions(tmp_path)
    kept = gc.get_freeze_count()
    build_definitions(tmp_path)
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, kept)
    monkeypatch.setenv("WAREHOUSE", "nowhere")
    with pytest.raises(WarehouseError):
        build_definitions(tmp_path)
    assert gc.isenabled()
