"""Draws the loads of a table over time, as SVG that a screen reader can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from data_foundation.ui import formats

if TYPE_CHECKING:
    from data_foundation.audit.write import Attempt

WIDTH, HEIGHT = 380, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 26


@dataclass(frozen=True)
class Point:
    """A load in a plot.

    Attributes:
        x: Distance from the left edge, in units of the drawing.
        y: Distance from the top.
        text: Time and value.
        failed: True for an attempt that failed.
    """

    x: float
    y: float
    text: str
    failed: bool


@dataclass(frozen=True)
class Plot:
    """One number of each load over time.

    Attributes:
        title: What is plotted.
        summary: The same in words: the number of loads, the newest, the smallest and the largest value.
        points: The loads, the oldest first.
        line: Coordinates of the line through the successful loads.
        levels: Height and label of each line of the grid.
        first: Day of the first load.
        last: Day of the newest load.
    """

    title: str
    summary: str
    points: tuple[Point, ...]
    line: str
    levels: tuple[tuple[float, str], ...]
    first: str
    last: str


Value = Callable[["Attempt"], "float | None"]
_PLOTS: Sequence[tuple[str, Value, Callable[[float], str]]] = (
    ("Rows", lambda attempt: attempt.rows, formats.count),
    ("Bytes", lambda attempt: attempt.bytes, formats.size),
    ("Seconds", lambda attempt: attempt.seconds, formats.duration),
)


def plot_attempts(attempts: Sequence[Attempt]) -> list[Plot]:
    """Returns the plots of rows, bytes and seconds; none if nothing was loaded."""
    return [plot for title, value, text in _PLOTS if (plot := _plot(title, attempts, value, text))]


def spark(counts: Sequence[int], width: float = 72, height: float = 18) -> str:
    """Returns the coordinates of a small line through some numbers, "" for fewer than two."""
    if len(counts) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    highest, step = max(*counts, 1), width / (len(counts) - 1)
    points = ((position * step, 1 + (height - 2) * (1 - number / highest)) for position, number in enumerate(counts))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _plot(title: str, attempts: Sequence[Attempt], value: Value, text: Callable[[float], str]) -> Plot | None:
    shown = [(one, number) for one in attempts if (number := value(one)) is not None]
    loaded = [number for one, number in shown if one.status == "loaded"]
    if not loaded:
        return None
    begin, end = shown[0][0].started, shown[-1][0].started
    top = _round_up(max(number for _, number in shown))

    def place(moment: datetime, number: float) -> tuple[float, float]:
        share = (moment - begin) / (end - begin) if end > begin else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT), _height(number, top)

    points = tuple(
        Point(*place(one.started, number), f"{formats.utc(one.started)} UTC: {text(number)}", one.status != "loaded")
        for one, number in shown
    )
    line = " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points if not point.failed)
    summary = (
        f"{title} of {len(shown)} loads from {begin:%Y-%m-%d} to {end:%Y-%m-%d}: "
        f"newest {text(loaded[-1])}, smallest {text(min(loaded))}, largest {text(max(loaded))}."
    )
    levels = tuple((_height(level, top), formats.short(level)) for level in (0, top / 2, top))
    return Plot(title, summary, points, line, levels, f"{begin:%Y-%m-%d}", f"{end:%Y-%m-%d}")


def _height(number: float, top: float) -> float:
    return TOP + (1 - number / top) * (HEIGHT - TOP - BOTTOM)


def _round_up(number: float) -> float:
    """Returns the next number of the form 1, 2 or 5 times a power of ten, at least a tenth."""
    step = 0.1
    while step * 10 <= number:
        step *= 10
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= number)
