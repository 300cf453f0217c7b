"""Cost of a run that finds no new rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.goals import seconds_each, shown_each
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

DATA = '''
"""An API that has ten rows, and then nothing new."""

from collections.abc import Iterator
from typing import Any

from benchmarks.unchanged.rows import get_pages


def get_rows() -> Iterator[list[dict[str, Any]]]:
    """A page of what is new."""
    yield from get_pages()
'''
RESOURCE = """
  - entry: data.get_rows
    destination: raw.{table}
    write_disposition: merge
    primary_key: id
    incremental: {{cursor_path: updated_at, initial_value: "2024-01-01T00:00:00Z"}}
"""


def table_names(size: int) -> list[str]:
    """Returns the names of the resources."""
    return [f"endpoint_{number:02}" for number in range(size)]


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes a source with this many resources."""
    write_source(folder, "api", "resources:" + "".join(RESOURCE.format(table=name) for name in table_names(size)), DATA)
    yield {}


UNCHANGED = Benchmark(
    number=7,
    name="unchanged",
    question="What does a run cost that finds nothing new, incremental with an empty page, once all is warm?",
    sides=("ours", "dlt_bare"),
    size=20,
    small=2,
    unit="resources",
    prepare=prepare,
    goals=(
        seconds_each("resource", most=0.3),
        shown_each("DDL statements", "resource", most=0),
        shown_each("statements", "resource", most=3),
    ),
)
