"""Kinds of goals: a figure of a round with its limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.measure import Goal, Phase, Sample


def times(peer: str, ours: str = "ours", *, least: float, phase: str | None = None) -> Goal:
    """Returns the goal that a peer takes at least `least` times as long as `ours`."""
    wall, cpu = _ratio(peer, ours, phase)
    return Goal(f"time of {peer} / {ours}", wall, cpu, least=least)


def at_most_times(peer: str, ours: str = "ours", *, most: float) -> Goal:
    """Returns the goal that `ours` takes at most `most` times as long as a peer."""
    wall, cpu = _ratio(ours, peer, None)
    return Goal(f"time of {ours} / {peer}", wall, cpu, most=most)


def seconds_each(one: str, *, most: float) -> Goal:
    """Returns the goal that our side takes at most `most` seconds for each `one`."""
    return Goal(
        f"seconds a {one}",
        lambda found: found["ours"].total().wall / found["ours"].size,
        lambda found: found["ours"].total().cpu / found["ours"].size,
        most=most,
    )


def shown_each(what: str, one: str, *, most: float) -> Goal:
    """Returns the goal that our side's figure `what` is at most `most` for each `one`."""
    return Goal(f"{what} a {one}", lambda found: found["ours"].shown[what] / found["ours"].size, most=most)


def shown_ratio(what: str, beside: str, *, most: float) -> Goal:
    """Returns the goal that our side's figure `what` is at most `most` times its figure `beside`."""
    return Goal(f"{what} / {beside}", lambda found: found["ours"].shown[what] / found["ours"].shown[beside], most=most)


def shown_more(what: str, peer: str, one: str, *, most: float) -> Goal:
    """Returns the goal that our side's figure `what` exceeds a peer's by at most `most` for each `one`."""

    def difference(found: Mapping[str, Sample]) -> float:
        return float(found["ours"].shown[what] - found[peer].shown[what]) / found["ours"].size

    return Goal(f"{what}, more than {peer}, a {one}", difference, most=most)


def memory_above_imports(side: str, *, most: float) -> Goal:
    """Returns the goal that a side's peak is at most `most` MiB above its imports, at every size."""
    return Goal(f"MiB above the imports, {side}", lambda found: max(_above_imports(found, side)), most=most)


def memory_growth(side: str, *, most: float) -> Goal:
    """Returns the goal that a side's memory at the largest size is at most `most` times that at the smallest."""

    def growth(found: Mapping[str, Sample]) -> float:
        memory = _above_imports(found, side)
        return memory[-1] / memory[0]

    return Goal(f"from the smallest to the largest size, {side}", growth, most=most)


def growth(side: str, *, most: float) -> Goal:
    """Returns the goal that a side takes at the largest size at most `most` times as long as at the smallest."""
    return Goal(
        f"time at the largest size / the smallest, {side}",
        lambda found: (ends := _ends(found, side))[1].total().wall / ends[0].total().wall,
        lambda found: (ends := _ends(found, side))[1].total().cpu / ends[0].total().cpu,
        most=most,
    )


def shown_growth(what: str, side: str, *, most: float) -> Goal:
    """Returns the goal that the figure `what` at the largest size is at most `most` times that at the smallest."""
    return Goal(
        f"{what} at the largest size / the smallest, {side}",
        lambda found: (ends := _ends(found, side))[1].shown[what] / ends[0].shown[what],
        most=most,
    )


def _ends(found: Mapping[str, Sample], side: str) -> tuple[Sample, Sample]:
    """Returns the samples of a side at its smallest and its largest size."""
    samples = sorted((sample for name, sample in found.items() if name.startswith(f"{side},")), key=lambda s: s.size)
    if not samples:
        raise KeyError(side)
    return samples[0], samples[-1]


def _above_imports(found: Mapping[str, Sample], side: str) -> list[float]:
    """Returns the difference in MiB between the peak and the imports, from the smallest size to the largest."""
    samples = sorted((sample for name, sample in found.items() if name.startswith(f"{side},")), key=lambda s: s.size)
    if not samples:
        raise KeyError(side)
    return [sample.memory() for sample in samples]


def _ratio(
    upper: str, lower: str, phase: str | None
) -> tuple[Callable[[Mapping[str, Sample]], float], Callable[[Mapping[str, Sample]], float]]:
    """Returns functions that compute the ratio of two sides' times: by the clock, and of CPU."""

    def both(found: Mapping[str, Sample]) -> tuple[Phase, Phase]:
        return found[upper].phase(phase), found[lower].phase(phase)

    def wall(found: Mapping[str, Sample]) -> float:
        its, our = both(found)
        return its.wall / our.wall

    def cpu(found: Mapping[str, Sample]) -> float:
        its, our = both(found)
        return its.cpu / our.cpu

    return wall, cpu
