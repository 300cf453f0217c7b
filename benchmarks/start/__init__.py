"""Time until a step in its own process yields its first row, and the sources that it imports for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.daily.tree import write_trees
from benchmarks.goals import shown_ratio
from benchmarks.measure import Benchmark, Goal

IMPORTED, FIRST_ROW = "BENCHMARK_IMPORTED", "BENCHMARK_FIRST_ROW"
DATA = '''
"""A vendor's endpoints, and notes of who is imported and when the first row comes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

with open(os.environ["BENCHMARK_IMPORTED"], "a") as notes:
    notes.write(f"{Path(__file__).parent.name}\\n")


def get_rows(endpoint: str) -> Iterator[list[dict[str, Any]]]:
    """Ten rows."""
    Path(os.environ["BENCHMARK_FIRST_ROW"]).write_text(str(time.time()))
    yield [{"id": number, "name": f"n{number}", "price": number * 1.5} for number in range(10)]
'''


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the trees of all sides."""
    write_trees(folder, size, DATA)
    yield {name: str(folder.with_name(name)) for name in (IMPORTED, FIRST_ROW)}


START = Benchmark(
    number=9,
    name="start",
    question="How long from the start of a step, in a process of its own, to its first row, in a tree of many sources?",
    sides=("ours", "dagster_dlt"),
    size=20,
    small=2,
    unit="sources",
    prepare=prepare,
    goals=(
        Goal(
            "seconds from the start of a step to its first row", lambda found: found["ours"].shown["seconds"], most=1.5
        ),
        Goal("unselected sources imported", lambda found: found["ours"].shown["unselected sources imported"], most=0),
        shown_ratio("CPU of import definitions", "CPU of import dagster", most=1.8),
        shown_ratio("CPU of foundation check", "CPU of import dlt", most=1),
        shown_ratio("CPU of foundation list", "CPU of import dlt", most=1),
    ),
)
