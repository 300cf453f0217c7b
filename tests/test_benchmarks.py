"""Runs the benchmarks at a size at which nothing can be said of speed: the sides must do the same."""

import gc
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, find_benchmarks
from benchmarks.definitions import DEFINITIONS
from benchmarks.definitions.tree import RESOURCES
from benchmarks.environments import Environment, NotInstalled, find_python
from benchmarks.flat import FLAT
from benchmarks.measure import IMPORTS, Missing, Sample, SidesDiffer, compare_scales, compare_sides
from benchmarks.nested import NESTED
from data_foundation.errors import WarehouseError
from data_foundation.orchestration.factory import build_definitions

ROOT = Path(__file__).parents[1]
KEEP_NOTHING = {"fetch", "copy_binary"}
"""Sides that measure a limit: what they read they throw away."""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m benchmarks`."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_sides_of_a_benchmark_do_the_same(name: str) -> None:
    """Every side that needs no download runs, and what came of it has the content that came of ours."""
    benchmark = BENCHMARKS[name].without_guests()
    compare = compare_scales if benchmark.scaled == benchmark.sides else compare_sides
    (samples,) = compare(replace(benchmark, scales=(1,)), benchmark.small, 1)
    assert not {side: sample.reason for side, sample in samples.items() if isinstance(sample, Missing)}
    told = {side: set(sample.content) for side, sample in samples.items() if isinstance(sample, Sample)}
    assert {side for side, content in told.items() if not content} <= KEEP_NOTHING
    # What two sides both name is the same, or SidesDiffer were raised; so each must name what another one names. The
    # sides of `memory` are those of two others.
    for side in set(told) - KEEP_NOTHING if name != "memory" else ():
        assert any(told[side] & content for other, content in told.items() if other != side)


def test_every_side_defines_all_assets() -> None:
    """The sides of `definitions` are held to the number of assets and operations, and to two phases."""
    (samples,) = compare_sides(DEFINITIONS.only([]), DEFINITIONS.small, rounds=1)
    assert isinstance(ours := samples["ours"], Sample)
    assert (ours.content["assets"], ours.content["operations"]) == (ours.size * (1 + RESOURCES), ours.size)
    assert list(ours.phases) == [IMPORTS, "definitions", "asset graph"]


def test_a_benchmark_runs_by_its_command() -> None:
    """`python -m benchmarks` takes names and numbers, and shows the sides asked for, and ours at every size."""
    assert find_benchmarks(["1,definitions", "2"]) == [FLAT, DEFINITIONS, NESTED]
    done = run("8", "--small", "--sides", "bare", "--scales", "3")
    assert done.returncode == 0, done.stderr
    assert DEFINITIONS.question in done.stdout
    assert all(f"| {side} " in done.stdout for side in ("ours", "bare"))
    assert f" {DEFINITIONS.small * 3} |" in done.stdout


def test_sides_that_differ_are_refused() -> None:
    """A comparison of different things ends with an error, not with figures."""

    @contextmanager
    def prepare_less(root: Path, size: int) -> Iterator[Mapping[str, str]]:
        with DEFINITIONS.prepare(root, size - 1) as settings:
            yield settings

    lame = replace(DEFINITIONS, sides=("ours", "bare"), prepare=prepare_less)
    with pytest.raises(SidesDiffer, match="definitions"):
        list(compare_sides(lame, DEFINITIONS.small, rounds=1))


def test_a_side_that_fails_is_told_and_the_others_have_figures() -> None:
    """A side that fails, or cannot be installed, leaves the comparison of the others as it is."""
    nowhere = Environment("nowhere", ("./no_such_folder",), shared=())
    with pytest.raises(NotInstalled, match="no_such_folder"):
        find_python(nowhere)
    assert not list(ROOT.glob(".venv-bench-nowhere"))
    broken = replace(FLAT, sides=("floor", "no_such_side"))
    (samples,) = compare_sides(broken, FLAT.small, 1)
    assert isinstance(samples["floor"], Sample)
    assert isinstance(missing := samples["no_such_side"], Missing)
    assert "No module named 'benchmarks.flat.no_such_side'" in missing.reason


def test_an_unknown_benchmark_is_told_with_those_there_are() -> None:
    """A misspelt name is answered with the right ones."""
    done = run("definition")
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
