"""A benchmark and its measurements: every side in fresh processes, by turns, so that a busy moment hits all alike."""

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
"""The phase that comes before all others."""
SET_UP = "set-up"
"""A phase in which a side brings about what it starts from."""
NOT_COUNTED = {IMPORTS, SET_UP}
"""What is no part of any total."""
FAILED_LINES = 3
"""How many of a failed side's last lines are told."""


@dataclass(frozen=True)
class Phase:
    """What a phase took: seconds on the clock and of CPU; and the largest process's peak memory so far, in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Sample:
    """One process of one side, with all that it started.

    Attributes:
        size: Of what it was given.
        phases: By name; the first are the imports.
        content: What came of it; where two sides name the same thing they must say the same of it.
        shown: What else there is to tell, for instance how many statements the warehouse was sent.
    """

    size: int
    phases: Mapping[str, Phase]
    content: Mapping[str, Any]
    shown: Mapping[str, Any]

    def total(self) -> Phase:
        """Returns all phases that count as one."""
        phases = [phase for name, phase in self.phases.items() if name not in NOT_COUNTED]
        return Phase(sum(p.wall for p in phases), sum(p.cpu for p in phases), phases[-1].peak)

    def phase(self, name: str | None = None) -> Phase:
        """Returns a phase, the total where none is named."""
        return self.phases[name] if name else self.total()

    def memory(self) -> float:
        """Returns by how many MiB the peak is above that of the interpreter with its imports."""
        return self.total().peak - self.phases[IMPORTS].peak


@dataclass(frozen=True)
class Missing:
    """A side without figures, and why."""

    reason: str


Round = Mapping[str, Sample | Missing]
"""One turn of every side, by its name; where one side runs at several sizes, by `scale_name`."""


@dataclass(frozen=True)
class Goal:
    """What is to be reached, and the figure that tells.

    Attributes:
        text: As a person says it; the figure and the limit are put behind it.
        figure: Of a round. A KeyError means that a side is not there.
        cpu: The same of CPU seconds where the figure is one of time, told beside it: a busy machine blurs the clock.
        least: The figure is to be this at least.
        most: It is to be this at most.
    """

    text: str
    figure: Callable[[Mapping[str, Sample]], float]
    cpu: Callable[[Mapping[str, Sample]], float] | None = None
    least: float | None = None
    most: float | None = None

    def is_met(self, figure: float) -> bool:
        """Tells whether a figure is within the limit."""
        return (self.least is None or figure >= self.least) and (self.most is None or figure <= self.most)


@dataclass(frozen=True)
class Benchmark:
    """What is compared.

    Attributes:
        number: Of the goal in the issue that set it.
        name: Of its package in `benchmarks/`.
        question: What the figures answer, in one sentence.
        sides: Modules of the package, ours first. Each has `measure(folder, size)`, a generator: it yields a phase's
            name when the phase is over and returns `{"content": ..., "shown": ...}`, see Sample.
        size: How much there is of `unit` unless said otherwise.
        small: The size at which the tests run it, where nothing can be said of speed.
        unit: What is counted, for instance sources.
        prepare: Writes what the sides read, for a size, into an empty folder, and yields settings that they find in
            their environment; what it has started lives until the block ends. A side works in a copy of the folder.
        goals: In the order of the table.
        growth_goals: Those whose figures take the sides at several sizes.
        shares: Sides too slow for the whole, with the part that they are given: 10 is a tenth. Their figures are
            multiplied by it.
        guests: Sides that have an environment of their own.
        scales: Multiples of `size` at which `scaled` are measured too, to see how the cost grows.
        scaled: Default: our side alone. Where they are all the sides, nothing else is measured.
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

    @property
    def ours(self) -> str:
        """The side that the others are compared with."""
        return self.sides[0]

    def only(self, sides: Collection[str]) -> Benchmark:
        """Returns the benchmark of ours and of these sides."""
        kept = tuple(side for side in self.sides if side in sides or side == self.ours)
        shares = {side: share for side, share in self.shares.items() if side in kept}
        return replace(self, sides=kept, shares=shares, scaled=tuple(side for side in self.scaled if side in kept))

    def without_guests(self) -> Benchmark:
        """Returns the benchmark of what is installed with this project: the others are a large download."""
        return self.only([side for side in self.sides if side not in self.guests])


class SidesDiffer(Exception):
    """The sides did not do the same, so that their times say nothing."""


def compare_sides(benchmark: Benchmark, size: int, rounds: int) -> Iterator[Round]:
    """Yields one sample of every side per round; the order turns round from one to the next.

    Raises:
        SidesDiffer: What came of a side is not what came of the others.
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
    """Returns under which name a round has a side at a size."""
    return f"{side}, {size:,}"


def measure_side(
    benchmark: Benchmark, side: str, folder: Path, size: int, settings: Mapping[str, str]
) -> Sample | Missing:
    """Returns the sample of one side in a fresh process, with a home for dlt and for Dagster that nobody used before.

    Args:
        benchmark: Whose side.
        side: One of `benchmark.sides`.
        folder: Filled by `benchmark.prepare` for `size`.
        size: How much there is of `benchmark.unit`.
        settings: From `benchmark.prepare`.
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
        told = json.loads(report.read_text(encoding="utf-8"))
    phases = {
        name: Phase(wall, cpu, peak) if name == IMPORTS else Phase(wall * share, cpu * share, peak)
        for name, (wall, cpu, peak) in told["phases"].items()
    }
    return Sample(given, phases, told["outcome"]["content"], told["outcome"].get("shown", {}))


def _last_lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()][-FAILED_LINES:]


def _refuse_differences(benchmark: Benchmark, samples: Round) -> None:
    """Compares what any two sides both name.

    Raises:
        SidesDiffer: They do not say the same.
    """
    said: dict[str, dict[str, Any]] = {}
    for side, sample in samples.items():
        for what, content in sample.content.items() if isinstance(sample, Sample) else ():
            parts = content.items() if isinstance(content, Mapping) else [("", content)]
            for part, value in parts:
                said.setdefault(f"{what} {part}".strip(), {})[side] = value
    different = {what: sides for what, sides in said.items() if len(set(map(str, sides.values()))) > 1}
    if different:
        told = "\n".join(f"{what}: {by_side}" for what, by_side in different.items())
        raise SidesDiffer(f"{benchmark.name}: the sides differ in\n{told}")
