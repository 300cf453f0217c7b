"""How fast dicts that a generator yields become rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environments import MELTANO
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

DATA = '''
"""Rows made up in this process."""

from collections.abc import Iterator
from typing import Any

from benchmarks.flat.rows import get_pages


def get_rows(size: int) -> Iterator[list[dict[str, Any]]]:
    """Pages of 1,000 flat rows."""
    yield from get_pages(size)
'''
YAML = """
resources:
  - entry: data.get_rows
    kwargs: {{size: {size}}}
    destination: raw.rows
"""


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the source folder that our side loads; the others make the same rows themselves."""
    write_source(folder, "shop", YAML.format(size=size), DATA)
    yield {}


FLAT = Benchmark(
    number=1,
    name="flat",
    question="How long do flat dict rows of ten columns take from a generator into DuckDB, through Dagster?",
    sides=("ours", "floor", "dlt_parquet", "dlt_default", "dagster_dlt", "meltano"),
    size=1_000_000,
    small=2_000,
    unit="rows",
    prepare=prepare,
    goals=(
        times("dlt_parquet", least=6),
        times("dlt_default", least=35),
        times("floor", least=0.7),
    ),
    shares={"dlt_default": 10, "dagster_dlt": 10, "meltano": 10},
    guests={"meltano": MELTANO},
)
