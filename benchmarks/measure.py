"""Benchmarks and their measurements: all sides in fresh processes, alternating, so that load affects them equally."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.environments import Environment, NotInstalled, find_python

ROOT = Path(__file__).parents[1]
IMPORTS = "imports"
"""The first phase."""
SET_UP = "set-up"
"""A phase in which a side creates its starting point."""
NOT_COUNTED = {IMPORTS, SET_UP}
"""Phases that are left out of the total."""
FAILED_LINES = 3
"""Number of lines of a failed side's output that are reported."""


@dataclass(frozen=True)
class Phase:
    """Cost of a phase: seconds by the clock and of CPU, and the peak memory so far of the largest process, in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Sample:
    """One process of one side, with all processes that it started.

    Attributes:
        size: Number of units that the side processed.
        phases: Phases by name; the first are the imports.
        content: Result of the side; values that two sides both report must be equal.
        shown: Other figures to print, for instance the number of statements that the warehouse received.
    """

    size: int
    phases: Mapping[str, Phase]
    content: Mapping[str, Any]
    shown: Mapping[str, Any]

    def total(self) -> Phase:
        """Returns the sum of all phases that count."""
        phases = [phase for name, phase in self.phases.items() if name not in NOT_COUNTED]
        return Phase(sum(p.wall for p in phases), sum(p.cpu for p in phases), phases[-1].peak)

    def phase(self, name: str | None = None) -> Phase:
        """Returns the phase with this name, or the total if there is no name."""
        return self.phases[name] if name else self.total()

    def memory(self) -> float:
        """Returns the difference in MiB between the peak and the imports."""
        return self.total().peak - self.phases[IMPORTS].peak


@dataclass(frozen=True)
class Missing:
    """A side without figures, with the reason."""

    reason: str


Round = Mapping[str, Sample | Missing]
"""One sample of every side, by its name; if sides run at several sizes, by `scale_name`."""


@dataclass(frozen=True)
class Goal:
    """A figure and its limit.

    Attributes:
        text: Description of the figure; figure and limit are appended.
        figure: Computes the figure of a round; raises KeyError if a side is missing.
        cpu: Computes the same figure from CPU seconds, which are more reliable on a busy machine.
        least: Lower limit.
        most: Upper limit.
    """

    text: str
    figure: Callable[[Mapping[str, Sample]], float]
    cpu: Callable[[Mapping[str, Sample]], float] | None = None
    least: float | None = None
    most: float | None = None

    def is_met(self, figure: float) -> bool:
        """Returns whether a figure is within the limits."""
        return (self.least is None or figure >= self.least) and (self.most is None or figure <= self.most)


@dataclass(frozen=True)
class Benchmark:
    """A comparison of sides.

    Attributes:
        number: Number of the goal in the issue that set it.
        name: Name of its package in `benchmarks/`.
        question: The question that the figures answer, in one sentence.
        sides: Modules of the package, ours first. Each has `measure(folder, size)`, a generator: it yields a phase's
            name at the end of the phase and returns `{"content": ..., "shown": ...}`, see Sample.
        size: Default number of `unit`.
        small: The size at which the tests run it; too small for figures of speed.
        unit: Name of the counted things, for instance sources.
        prepare: Writes the input of the sides, for a size, into an empty folder, and yields environment variables for
            them; its servers run until the block ends. A side works in a copy of the folder.
        goals: Goals in the order of the table.
        growth_goals: Goals whose figures need several sizes.
        shares: Sides too slow for the full size, with the divisor of their part: 10 is a tenth. Their figures are
            multiplied by it.
        guests: Sides with an environment of their own.
        scales: Multiples of `size` at which `scaled` are also measured, to show how the cost grows.
        scaled: Sides measured at several sizes, by default only ours. If these are all sides, nothing else is measured.
        is_constant: True if the work should be the same at every size, so that the table shows it, and not its part
            for one unit.
        variants: Sides that are this project too, which a picture shows in its colour.
    """

    number: int
    name: str
    question: str
    sides: tuple[str, ...]
    size: int
    small: int
    unit: str
    prepare: Callable[[Path, int], AbstractContextManager[Mapping[str, str]]]
    goals: tuple[Goal, ...] = ()
    growth_goals: tuple[Goal, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict)
    guests: Mapping[str, Environment] = field(default_factory=dict)
    scales: tuple[int, ...] = ()
    scaled: tuple[str, ...] = ()
    is_constant: bool = False
    variants: tuple[str, ...] = ()

    @property
    def ours(self) -> str:
        """The side that the others are compared with."""
        return self.sides[0]

    def only(self, sides: Collection[str]) -> Benchmark:
        """Returns the benchmark reduced to our side and these sides."""
        kept = tuple(side for side in self.sides if side in sides or side == self.ours)
        shares = {side: share for side, share in self.shares.items() if side in kept}
        return replace(self, sides=kept, shares=shares, scaled=tuple(side for side in self.scaled if side in kept))

    def without_guests(self) -> Benchmark:
        """Returns the benchmark without guests, which need large downloads."""
        return self.only([side for side in self.sides if side not in self.guests])


class SidesDiffer(Exception):
    """The sides have different results, so their times cannot be compared."""


def compare_sides(benchmark: Benchmark, size: int, rounds: int) -> Iterator[Round]:
    """Yields one sample of every side per round; the order is reversed from round to round.

    Raises:
        SidesDiffer: Two sides have different results.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "prepared")
        folder.mkdir()
        with benchmark.prepare(folder, size) as settings:
            for turn in range(rounds):
                order = benchmark.sides if turn % 2 == 0 else benchmark.sides[::-1]
                samples = {side: measure_side(benchmark, side, folder, size, settings) for side in order}
                _refuse_differences(benchmark, samples)
                yield samples


def compare_scales(benchmark: Benchmark, size: int, rounds: int) -> Iterator[Round]:
    """Yields one sample of every scaled side per round, by `scale_name`, for every multiple of `size`."""
    sides = benchmark.scaled or benchmark.sides[:1]
    for turn in range(rounds):
        found: dict[str, Sample | Missing] = {}
        for scaled in (size * scale for scale in benchmark.scales):
            (samples,) = compare_sides(replace(benchmark, sides=sides[:: 1 if turn % 2 == 0 else -1]), scaled, 1)
            found |= {scale_name(side, scaled): samples[side] for side in sides}
        yield found


def scale_name(side: str, size: int) -> str:
    """Returns the name of a side at a size in a round."""
    return f"{side}, {size:,}"


def measure_side(
    benchmark: Benchmark, side: str, folder: Path, size: int, settings: Mapping[str, str]
) -> Sample | Missing:
    """Returns the sample of one side in a fresh process, with empty home folders for dlt and Dagster.

    Args:
        benchmark: The benchmark of the side.
        side: One of `benchmark.sides`.
        folder: Filled by `benchmark.prepare` for `size`.
        size: Number of `benchmark.unit`.
        settings: Environment variables from `benchmark.prepare`.
    """
    guest = benchmark.guests.get(side)
    try:
        python = find_python(guest) if guest else Path(sys.executable)
    except NotInstalled as error:
        return Missing(str(error))
    share = benchmark.shares.get(side, 1)
    given = max(size // share, 1)
    with tempfile.TemporaryDirectory() as home:
        work = Path(shutil.copytree(folder, Path(home, "work")))
        (dagster_home := Path(home, "dagster")).mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DUCKDB")} | {
            "PYTHONPATH": str(ROOT), "DLT_DATA_DIR": f"{home}/dlt", "DAGSTER_HOME": str(dagster_home),
            "RUNTIME__DLTHUB_TELEMETRY": "false", "WAREHOUSE": "duckdb", **settings,
        }  # fmt: skip
        report, module = Path(home, "report.json"), f"benchmarks.{benchmark.name}.{side}"
        command: list[str | Path] = [python, "-m", "benchmarks.side", module, work, str(given), report]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return Missing("failed: " + " / ".join(_last_lines(done.stderr)))
        report_data = json.loads(report.read_text(encoding="utf-8"))
    phases = {
        name: Phase(wall, cpu, peak) if name == IMPORTS else Phase(wall * share, cpu * share, peak)
        for name, (wall, cpu, peak) in report_data["phases"].items()
    }
    return Sample(given, phases, report_data["outcome"]["content"], report_data["outcome"].get("shown", {}))


def _last_lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()][-FAILED_LINES:]


def _refuse_differences(benchmark: Benchmark, samples: Round) -> None:
    """Compares the values that two sides both report.

    Raises:
        SidesDiffer: The values differ.
    """
    reported: dict[str, dict[str, Any]] = {}
    for side, sample in samples.items():
        for what, content in sample.content.items() if isinstance(sample, Sample) else ():
            parts = content.items() if isinstance(content, Mapping) else [("", content)]
            for part, value in parts:
                reported.setdefault(f"{what} {part}".strip(), {})[side] = value
    different = {what: sides for what, sides in reported.items() if len(set(map(str, sides.values()))) > 1}
    if different:
        lines = "\n".join(f"{what}: {by_side}" for what, by_side in different.items())
        raise SidesDiffer(f"{benchmark.name}: the sides differ in\n{lines}")
