"""Tables of the figures: medians over rounds, with the lowest and the highest."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.measure import IMPORTS, NOT_COUNTED, Benchmark, Goal, Missing, Phase, Round, Sample, scale_name

TOTAL = "total"
FIGURES = ("wall s", "CPU s", "peak MiB")


def side_table(benchmark: Benchmark, size: int, rounds: Sequence[Round]) -> Table:
    """Returns a table with a line for each phase of each side; the total excludes the imports."""
    table = Table(title=f"{benchmark.name}: {size:,} {benchmark.unit}, medians of {len(rounds)} rounds")
    for column in ("side", "phase"):
        table.add_column(column)
    for column in (*FIGURES, f"{benchmark.unit} / s", "wall / ours", "CPU / ours"):
        table.add_column(column, justify="right")
    for side in benchmark.sides:
        samples = _samples(rounds, side)
        if not samples:
            table.add_row(side, "none", end_section=True)
            continue
        names = _lines(samples[0])
        for name in names:
            phases = [phase for sample in samples if (phase := _phase(sample, name))]
            pairs = list(_pairs(rounds, side, benchmark.ours, name)) if side != benchmark.ours else []
            table.add_row(
                side if name == IMPORTS else "",
                name,
                spread([phase.wall for phase in phases], 2),
                spread([phase.cpu for phase in phases], 2),
                f"{median(phase.peak for phase in phases):.0f}",
                f"{median(size / phase.wall for phase in phases):,.0f}" if name == names[-1] else "",
                spread([its.wall / our.wall for its, our in pairs], 2) if pairs else "",
                spread([its.cpu / our.cpu for its, our in pairs], 2) if pairs else "",
                end_section=name == names[-1],
            )
    return table


def scale_table(benchmark: Benchmark, size: int, rounds: Sequence[Round]) -> Table:
    """Returns a table with the cost of one unit at every size, and the growth of memory."""
    table = Table(title=f"{benchmark.name}: by size, medians of {len(rounds)} rounds")
    one = benchmark.unit.removesuffix("s")
    table.add_column("side")
    for column in (
        benchmark.unit,
        f"wall ms / {one}",
        f"CPU ms / {one}",
        "peak MiB",
        "above imports",
        "CPU / first size",
    ):
        table.add_column(column, justify="right")
    for side in benchmark.scaled or (benchmark.ours,):
        first = scale_name(side, size * benchmark.scales[0])
        for scaled in (size * scale for scale in benchmark.scales):
            name = scale_name(side, scaled)
            samples = _samples(rounds, name)
            if not samples:
                table.add_row(side, f"{scaled:,}", "none")
                continue
            totals = [sample.total() for sample in samples]
            digits = 2 if 1000 * totals[0].cpu > scaled else 5
            grown = [
                its.cpu / scaled / (our.cpu / size / benchmark.scales[0]) for its, our in _pairs(rounds, name, first)
            ]
            table.add_row(
                side,
                f"{scaled:,}",
                spread([1000 * total.wall / scaled for total in totals], digits),
                spread([1000 * total.cpu / scaled for total in totals], digits),
                f"{median(total.peak for total in totals):.0f}",
                f"{median(sample.memory() for sample in samples):.0f}",
                "" if name == first or not grown else spread(grown, 2),
            )
    return table


def constant_table(benchmark: Benchmark, size: int, rounds: Sequence[Round]) -> Table:
    """Returns a table of the whole cost at every size, with the figures that the sides show."""
    table = Table(title=f"{benchmark.name}: by size, medians of {len(rounds)} rounds")
    sides, sizes = benchmark.scaled or (benchmark.ours,), [size * scale for scale in benchmark.scales]
    found = {(side, scaled): _samples(rounds, scale_name(side, scaled)) for side in sides for scaled in sizes}
    shown = list(dict.fromkeys(what for samples in found.values() for sample in samples for what in sample.shown))
    table.add_column("side")
    for column in (benchmark.unit, "wall s", "CPU s", *shown):
        table.add_column(column, justify="right")
    for (side, scaled), samples in found.items():
        if not samples:
            table.add_row(side, f"{scaled:,}", "none")
            continue
        totals = [sample.total() for sample in samples]
        figures = [spread([total.wall for total in totals], 2), spread([total.cpu for total in totals], 2)]
        others = [[sample.shown[what] for sample in samples if what in sample.shown] for what in shown]
        cells = [*figures, *(f"{median(values):,.0f}" if values else "" for values in others)]
        table.add_row(side, f"{scaled:,}", *cells)
    return table


def goal_lines(goals: Iterable[Goal], rounds: Sequence[Round]) -> Iterator[str]:
    """Yields a line for each goal: the limit, the figure, and whether it is reached."""
    for goal in goals:
        limit = f"at least {goal.least:g}" if goal.least is not None else f"at most {goal.most:g}"
        figures = _figures(goal.figure, rounds)
        verdict = ("reached" if goal.is_met(median(figures)) else "MISSED") if figures else ""
        result = f"{spread(figures, 2)}, {verdict}" if figures else "unknown"
        beside = _figures(goal.cpu, rounds) if goal.cpu else []
        yield f"goal: {goal.text}: {limit}; {result}{f'; of CPU {spread(beside, 2)}' if beside else ''}"


def _figures(figure: Callable[[Mapping[str, Sample]], float], rounds: Sequence[Round]) -> list[float]:
    """Returns the figure of every round that has the needed sides."""
    found = []
    for samples in rounds:
        with suppress(KeyError):
            found.append(figure({name: sample for name, sample in samples.items() if isinstance(sample, Sample)}))
    return found


def note_lines(benchmark: Benchmark, rounds: Sequence[Round]) -> Iterator[str]:
    """Yields what is not in the tables: scaled figures, missing sides, and other values that a side reported."""
    for side, share in benchmark.shares.items():
        yield f"{side} was given 1/{share} of the {benchmark.unit}; its figures are multiplied by {share}"
    first_round = dict(rounds[0])
    ours = first_round.get(benchmark.ours)
    for side, sample in first_round.items():
        if isinstance(sample, Missing):
            yield f"{side} {sample.reason}"
            continue
        for what, value in sample.shown.items():
            if isinstance(value, Mapping):
                usual = ours.shown.get(what, {}) if isinstance(ours, Sample) and sample is not ours else {}
                value = {name: its for name, its in value.items() if usual.get(name) != its}  # noqa: PLW2901
            if value != {}:
                yield f"{side}: {what}: {_flat(value)}"


def spread(values: Iterable[float], digits: int) -> str:
    """Returns the median, with the lowest and highest if there are several values."""
    found = sorted(values)
    middle = f"{median(found):.{digits}f}"
    return middle if len(found) == 1 else f"{middle} ({found[0]:.{digits}f}-{found[-1]:.{digits}f})"


def describe_machine(*packages: str) -> str:
    """Returns processor, cores, load, and the versions of Python and of these packages."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}, {versions}"


def _samples(rounds: Sequence[Round], name: str) -> list[Sample]:
    return [sample for samples in rounds if isinstance(sample := samples[name], Sample)]


def _lines(sample: Sample) -> list[str]:
    """Returns the phases to show; a single phase needs no total."""
    names = list(sample.phases)
    return [*names, TOTAL] if len(set(names) - NOT_COUNTED) > 1 else names


def _phase(sample: Sample, name: str) -> Phase | None:
    return sample.total() if name == TOTAL else sample.phases.get(name)


def _pairs(rounds: Sequence[Round], its: str, our: str, phase: str = TOTAL) -> Iterator[tuple[Phase, Phase]]:
    """Yields the phases of two samples of the same round."""
    for samples in rounds:
        one, other = samples[its], samples[our]
        if isinstance(one, Sample) and isinstance(other, Sample):
            first, second = _phase(one, phase), _phase(other, phase)
            if first and second:
                yield first, second


def _flat(value: Any) -> str:
    return ", ".join(f"{name} {its}" for name, its in value.items()) if isinstance(value, Mapping) else str(value)
