"""The figures as tables: medians over rounds, and how far the rounds lie apart."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.measure import IMPORTS, Benchmark, Phase, Sample

TOTAL = "total"


def side_table(benchmark: Benchmark, size: int, rounds: Sequence[Mapping[str, Sample]]) -> Table:
    """Returns the sides below each other, a line per phase; the total leaves the imports out."""
    table = Table(title=f"{benchmark.name}: {size:,} {benchmark.unit}, medians of {len(rounds)} rounds")
    for column in ("side", "phase"):
        table.add_column(column)
    for column in ("wall s", "CPU s", "peak MiB", "wall / ours", "CPU / ours"):
        table.add_column(column, justify="right")
    ours = benchmark.sides[0]
    for side in benchmark.sides:
        for name in (*rounds[0][side].phases, TOTAL):
            phases = [_phase(samples[side], name) for samples in rounds]
            pairs = [(_phase(samples[side], name), _phase(samples[ours], name)) for samples in rounds]
            table.add_row(
                side if name == IMPORTS else "",
                name,
                spread([phase.wall for phase in phases], 2),
                spread([phase.cpu for phase in phases], 2),
                f"{median(phase.peak for phase in phases):.0f}",
                "" if side == ours else spread([its.wall / our.wall for its, our in pairs], 2),
                "" if side == ours else spread([its.cpu / our.cpu for its, our in pairs], 2),
                end_section=name == TOTAL,
            )
    return table


def scale_table(benchmark: Benchmark, rounds: Sequence[Mapping[int, Sample]]) -> Table:
    """Returns what one of the unit costs our side, at every size."""
    table = Table(title=f"{benchmark.name}: {benchmark.sides[0]}, by size, medians of {len(rounds)} rounds")
    one = benchmark.unit.removesuffix("s")
    for column in (benchmark.unit, f"wall ms / {one}", f"CPU ms / {one}", "peak MiB", "CPU / first size"):
        table.add_column(column, justify="right")
    first = min(rounds[0])
    for size in rounds[0]:
        totals = [samples[size].total() for samples in rounds]
        grown = [samples[size].total().cpu / size / (samples[first].total().cpu / first) for samples in rounds]
        table.add_row(
            f"{size:,}",
            spread([1000 * total.wall / size for total in totals], 2),
            spread([1000 * total.cpu / size for total in totals], 2),
            f"{median(total.peak for total in totals):.0f}",
            "" if size == first else spread(grown, 2),
        )
    return table


def spread(values: Iterable[float], digits: int) -> str:
    """Returns the median, and the lowest and highest where there are several."""
    found = sorted(values)
    middle = f"{median(found):.{digits}f}"
    return middle if len(found) == 1 else f"{middle} ({found[0]:.{digits}f}-{found[-1]:.{digits}f})"


def describe_machine(*packages: str) -> str:
    """Returns the processor, its cores, how busy it is, and the versions of Python and of what is compared."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}, {versions}"


def _phase(sample: Sample, name: str) -> Phase:
    return sample.total() if name == TOTAL else sample.phases[name]
