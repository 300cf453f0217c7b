"""A benchmark and its measurements: every side in fresh processes, by turns, so that a busy moment hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IMPORTS = "imports"
"""The phase that comes before all others, and is no part of any total."""


@dataclass(frozen=True)
class Benchmark:
    """What is compared.

    Attributes:
        name: Of its package in `benchmarks/`.
        question: What the figures answer, in one sentence.
        sides: Modules of the package, ours first. Each has `measure(folder, size)`, a generator: it yields a phase's
            name when the phase is over and returns, as plain data, what came of it; all sides must return the same.
        size: How much there is of `unit` unless said otherwise.
        unit: What is counted, for instance sources.
        prepare: Writes what the sides read, for a size, into an empty folder.
        scales: Multiples of `size` at which ours is measured once more, to see whether the cost grows linearly.
    """

    name: str
    question: str
    sides: tuple[str, ...]
    size: int
    unit: str
    prepare: Callable[[Path, int], None]
    scales: tuple[int, ...] = ()


@dataclass(frozen=True)
class Phase:
    """What a phase took: seconds on the clock, seconds of CPU, and the process's peak memory at its end in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Sample:
    """One process of one side."""

    phases: Mapping[str, Phase]
    outcome: Any

    def total(self) -> Phase:
        """Returns all phases but the imports as one."""
        phases = [phase for name, phase in self.phases.items() if name != IMPORTS]
        return Phase(sum(p.wall for p in phases), sum(p.cpu for p in phases), phases[-1].peak)


class SidesDiffer(Exception):
    """The sides did not do the same, so that their times say nothing."""


def measure_side(benchmark: Benchmark, side: str, folder: Path, size: int) -> Sample:
    """Returns the sample of one side in a fresh process, with a home for dlt's pipelines that nobody used before.

    Args:
        benchmark: Whose side.
        side: One of `benchmark.sides`.
        folder: Filled by `benchmark.prepare` for `size`.
        size: How much there is of `benchmark.unit`.

    Raises:
        subprocess.CalledProcessError: The side failed; its errors are on stderr.
    """
    module = f"benchmarks.{benchmark.name}.{side}"
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "PYTHONPATH": str(ROOT), "DLT_DATA_DIR": home, "RUNTIME__DLTHUB_TELEMETRY": "false", "WAREHOUSE": "duckdb",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.side", module, str(folder), str(size)],
            cwd=folder, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    return Sample({name: Phase(*figures) for name, figures in told["phases"].items()}, told["outcome"])


def compare_sides(benchmark: Benchmark, size: int, rounds: int) -> Iterator[Mapping[str, Sample]]:
    """Yields one sample of every side per round; the order turns round from one to the next.

    Raises:
        SidesDiffer: A side's outcome is not that of the others.
    """
    with tempfile.TemporaryDirectory() as folder:
        benchmark.prepare(Path(folder), size)
        for turn in range(rounds):
            order = benchmark.sides if turn % 2 == 0 else benchmark.sides[::-1]
            samples = {side: measure_side(benchmark, side, Path(folder), size) for side in order}
            outcomes = {side: sample.outcome for side, sample in samples.items()}
            if any(outcome != outcomes[benchmark.sides[0]] for outcome in outcomes.values()):
                raise SidesDiffer(f"{benchmark.name}: {outcomes}")
            yield samples


def compare_scales(benchmark: Benchmark, size: int, rounds: int) -> Iterator[Mapping[int, Sample]]:
    """Yields one sample of our side per round for every size that `benchmark.scales` makes of `size`."""
    with tempfile.TemporaryDirectory() as parent:
        folders = {size * scale: Path(parent, str(scale)) for scale in benchmark.scales}
        for scaled, folder in folders.items():
            folder.mkdir()
            benchmark.prepare(folder, scaled)
        for _ in range(rounds):
            yield {s: measure_side(benchmark, benchmark.sides[0], folder, s) for s, folder in folders.items()}
