"""Runs the benchmarks with few rows, to check that all sides do the same; the times mean nothing."""

import gc
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.__main__ import BENCHMARKS, find_benchmarks
from benchmarks.definitions import DEFINITIONS
from benchmarks.definitions.tree import RESOURCES
from benchmarks.environments import Environment, NotInstalled, find_python
from benchmarks.flat import FLAT
from benchmarks.measure import IMPORTS, Missing, Sample, SidesDiffer, compare_scales, compare_sides
from benchmarks.nested import NESTED
from benchmarks.picture import OTHERS, OURS, Bar, draw_bars
from data_foundation.errors import WarehouseError
from data_foundation.orchestration.factory import build_definitions

ROOT = Path(__file__).parents[1]
KEEP_NOTHING = {"fetch", "copy_binary"}
"""Sides that measure an upper limit: they discard what they read."""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m benchmarks`."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.rare
@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_sides_of_a_benchmark_do_the_same(name: str) -> None:
    """Every side that needs no download runs, and its result has the same content as ours."""
    benchmark = BENCHMARKS[name].without_guests()
    compare = compare_scales if benchmark.scaled == benchmark.sides else compare_sides
    (samples,) = compare(replace(benchmark, scales=(1,)), benchmark.small, 1)
    assert not {side: sample.reason for side, sample in samples.items() if isinstance(sample, Missing)}
    contents = {side: set(sample.content) for side, sample in samples.items() if isinstance(sample, Sample)}
    assert {side for side, content in contents.items() if not content} <= KEEP_NOTHING
    # If two sides share a key, its values are equal, or SidesDiffer was raised; so each side must share a key with
    # another. The sides of `memory` are those of two other benchmarks.
    for side in set(contents) - KEEP_NOTHING if name != "memory" else ():
        assert any(contents[side] & content for other, content in contents.items() if other != side)


def test_every_side_defines_all_assets() -> None:
    """The sides of `definitions` have the same number of assets and operations, and two phases."""
    (samples,) = compare_sides(DEFINITIONS.only([]), DEFINITIONS.small, rounds=1)
    assert isinstance(ours := samples["ours"], Sample)
    assert (ours.content["assets"], ours.content["operations"]) == (ours.size * (1 + RESOURCES), ours.size)
    assert list(ours.phases) == [IMPORTS, "definitions", "asset graph"]


def test_a_benchmark_runs_by_its_command() -> None:
    """`python -m benchmarks` accepts names and sizes, and shows the requested sides, and ours at every size."""
    assert find_benchmarks(["1,definitions", "2"]) == [FLAT, DEFINITIONS, NESTED]
    done = run("8", "--small", "--sides", "bare", "--scales", "3")
    assert done.returncode == 0, done.stderr
    assert DEFINITIONS.question in done.stdout
    assert all(f"| {side} " in done.stdout for side in ("ours", "bare"))
    assert f" {DEFINITIONS.small * 3} |" in done.stdout


@pytest.mark.rare
def test_a_picture_has_a_bar_for_each_side(tmp_path: Path) -> None:
    """With a folder for pictures, a benchmark writes an SVG: a bar and its seconds for each side, ours in colour."""
    done = run("8", "--small", "--sides", "bare", "--scales", "1", "--pictures", str(tmp_path))
    assert done.returncode == 0, done.stderr
    picture = ET.parse(tmp_path / "definitions.svg").getroot()  # noqa: S314 - written by the benchmark
    shapes = [shape.get("fill") for shape in picture.iter("{http://www.w3.org/2000/svg}rect")]
    texts = [text.text or "" for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert shapes == ["white", OURS, OTHERS]
    assert [text for text in texts if text in {"ours", "bare"}] == ["ours", "bare"]
    assert sum(text.endswith(" s") for text in texts) == 2


def test_a_picture_shows_seconds_as_lengths() -> None:
    """The longest bar fills the space, the others are in proportion to it, and text is escaped."""
    picture = draw_bars("a < b", [Bar("one", 2.0, is_ours=True), Bar("two", 1.0, is_ours=False)])
    widths = [float(width) for width in re.findall(r'<rect x="190" y="[0-9]+" width="([0-9.]+)"', picture)]
    assert widths == [450.0, 225.0]
    assert "a &lt; b" in picture


def test_sides_that_differ_are_refused() -> None:
    """If the results of two sides differ, the comparison is an error without figures."""

    @contextmanager
    def prepare_less(root: Path, size: int) -> Iterator[Mapping[str, str]]:
        with DEFINITIONS.prepare(root, size - 1) as settings:
            yield settings

    lame = replace(DEFINITIONS, sides=("ours", "bare"), prepare=prepare_less)
    with pytest.raises(SidesDiffer, match="definitions"):
        list(compare_sides(lame, DEFINITIONS.small, rounds=1))


def test_a_side_that_fails_is_reported_and_the_others_have_figures() -> None:
    """If a side fails or cannot be installed, the other sides still have figures."""
    nowhere = Environment("nowhere", ("./no_such_folder",), shared=())
    with pytest.raises(NotInstalled, match="no_such_folder"):
        find_python(nowhere)
    assert not list(ROOT.glob(".venv-bench-nowhere"))
    broken = replace(FLAT, sides=("floor", "no_such_side"))
    (samples,) = compare_sides(broken, FLAT.small, 1)
    assert isinstance(samples["floor"], Sample)
    assert isinstance(missing := samples["no_such_side"], Missing)
    assert "No module named 'benchmarks.flat.no_such_side'" in missing.reason


def test_an_unknown_benchmark_is_refused() -> None:
    """The error of a misspelt name lists the benchmarks."""
    done = run("definition")
    assert done.returncode == 2
    assert all(name in done.stderr for name in BENCHMARKS)


def test_a_build_restores_the_garbage_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector is on after a build, even a failed one; only objects of the first build are frozen."""
    build_definitions(tmp_path)
    kept = gc.get_freeze_count()
    build_definitions(tmp_path)
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, kept)
    monkeypatch.setenv("WAREHOUSE", "nowhere")
    with pytest.raises(WarehouseError):
        build_definitions(tmp_path)
    assert gc.isenabled()
