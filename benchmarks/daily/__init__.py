"""Duration of a daily run of many small sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.daily.tree import RESOURCES, write_trees
from benchmarks.measure import Benchmark, Goal
from benchmarks.serving import serve

URL = "VENDOR_URL"
DATA = '''
"""A vendor's endpoints."""

import os
from collections.abc import Iterator
from typing import Any

import requests


def get_rows(endpoint: str) -> Iterator[list[dict[str, Any]]]:
    """What an endpoint answers."""
    response = requests.get(f"{os.environ['VENDOR_URL']}/{endpoint}", timeout=30)
    response.raise_for_status()
    yield response.json()
'''


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the trees of all sides, and serves the rows."""
    write_trees(folder, size, DATA)
    with serve("benchmarks.daily.server") as url:
        yield {URL: url}


DAILY = Benchmark(
    number=6,
    name="daily",
    question="How long does a run of many sources with five tiny resources each take, each answering after 0.3 s?",
    sides=("ours", "dagster_dlt", "dagster_dlt_in_process", "dlt_bare"),
    size=20,
    small=1,
    unit="sources",
    prepare=prepare,
    goals=(
        Goal("seconds from launch to end", lambda found: found["ours"].total().wall, most=30),
        Goal(
            "CPU seconds a resource beyond bare dlt",
            lambda found: (found["ours"].total().cpu - found["dlt_bare"].total().cpu) / found["ours"].size / RESOURCES,
            most=0.15,
        ),
    ),
)
