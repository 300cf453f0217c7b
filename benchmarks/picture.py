"""Draws the times of a benchmark as a bar chart, an SVG of plain shapes that needs no library to be made or shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from xml.etree import ElementTree as ET

from benchmarks.measure import Benchmark, Round, Sample, scale_name

WIDTH, LABELS, LINE, TOP, FIGURES = 720, 190, 26, 46, 80
"""Pixels: of the picture, of the labels left of the bars, of a line, of the title, of the figures right of the bars."""
OURS, OTHERS, INK = "#c2410c", "#94a3b8", "#1f2937"


@dataclass(frozen=True)
class Bar:
    """A bar of a chart.

    Attributes:
        label: The side, with its size if there are several.
        seconds: Length of the bar.
        is_ours: True for a side of this project, which has a colour of its own.
    """

    label: str
    seconds: float
    is_ours: bool


def find_bars(benchmark: Benchmark, size: int, rounds: Sequence[Round], *, grown: bool) -> Iterator[Bar]:
    """Yields a bar for each side that has figures: the median of its seconds by the clock.

    Args:
        benchmark: The benchmark.
        size: Its size.
        rounds: The rounds.
        grown: True for the sides at several sizes.
    """
    sizes = [size * scale for scale in benchmark.scales] if grown else [size]
    for side in (benchmark.scaled or (benchmark.ours,)) if grown else benchmark.sides:
        for scaled in sizes:
            name = scale_name(side, scaled) if grown else side
            samples = [found[name] for found in rounds if name in found]
            seconds = [sample.total().wall for sample in samples if isinstance(sample, Sample)]
            if seconds:
                yield Bar(name, median(seconds), is_ours=side in {benchmark.ours, *benchmark.variants})


def draw_bars(title: str, bars: Sequence[Bar]) -> str:
    """Returns the SVG of a chart with a bar on each line, in the order given."""
    height = TOP + LINE * len(bars) + 10
    namespace = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "role": "img"}
    picture = ET.Element("svg", {**namespace, "font-family": "sans-serif", "font-size": "13"})
    ET.SubElement(picture, "title").text = title
    ET.SubElement(picture, "rect", {"width": str(WIDTH), "height": str(height), "fill": "white"})
    _write(picture, 12, 26, title, {"font-weight": "bold"})
    longest = max((bar.seconds for bar in bars), default=0) or 1
    for line, bar in enumerate(bars):
        top, length = TOP + LINE * line, max((WIDTH - LABELS - FIGURES) * bar.seconds / longest, 1)
        _write(picture, LABELS - 8, top + 14, bar.label, {"text-anchor": "end"})
        shape = {"x": str(LABELS), "y": str(top), "width": f"{length:.1f}", "height": str(LINE - 7)}
        ET.SubElement(picture, "rect", {**shape, "fill": OURS if bar.is_ours else OTHERS})
        _write(picture, LABELS + length + 6, top + 14, f"{bar.seconds:,.2f} s", {})
    ET.indent(picture)
    return ET.tostring(picture, encoding="unicode") + "\n"


def _write(picture: ET.Element, x: float, y: float, text: str, style: dict[str, str]) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": INK}
    ET.SubElement(picture, "text", {**place, **style}).text = text
