"""How fast nested dicts become rows of a table and of its child tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environments import MELTANO
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

DATA = '''
"""Orders made up in this process."""

from collections.abc import Iterator
from typing import Any

from benchmarks.nested.rows import get_pages


def get_rows(size: int) -> Iterator[list[dict[str, Any]]]:
    """Pages of 1,000 orders with their items and labels."""
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


NESTED = Benchmark(
    number=2,
    name="nested",
    question="How long do nested dict rows (objects two deep, two lists) take into DuckDB, through Dagster?",
    sides=("ours", "floor", "dlt_parquet", "dlt_default", "dagster_dlt", "meltano"),
    size=200_000,
    small=1_000,
    unit="rows",
    prepare=prepare,
    goals=(times("dlt_parquet", least=5),),
    shares={"dlt_default": 10, "dagster_dlt": 10, "meltano": 10},
    guests={"meltano": MELTANO},
)
