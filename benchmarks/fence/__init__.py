"""Cost of the fence, which lets several machines load one table: the lock and the comparison before each commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.goals import at_most_times, shown_more
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

TURN = "TURN"
"""The environment variable with the number of the newest change of the rows."""
SERVER_LOG = "SERVER_LOG"
"""The environment variable with the path of the server's log."""
DATA = '''
"""Ten rows, all of which have changed since the last turn."""

import os
from collections.abc import Iterator
from typing import Any

import dlt

from benchmarks.fence import TURN


def get_rows(turn: Any = dlt.sources.incremental("turn", initial_value=-1)) -> Iterator[list[dict[str, Any]]]:
    """The rows, if they are newer than those of the table."""
    newest = int(os.environ[TURN])
    yield [{"id": number, "turn": newest} for number in range(10)] if newest > turn.last_value else []
'''
RESOURCE = """
  - entry: data.get_rows
    destination: raw.{table}
    write_disposition: merge
    primary_key: id
"""


def table_names(size: int) -> list[str]:
    """Returns the names of the tables."""
    return [f"endpoint_{number:02}" for number in range(size)]


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes a source with this many resources, and runs a PostgreSQL server."""
    from tests.support.postgres_server import run_server  # noqa: PLC0415 - other benchmarks need no server

    write_source(folder, "api", "resources:" + "".join(RESOURCE.format(table=name) for name in table_names(size)), DATA)
    with run_server() as server:
        yield {**server.settings(), SERVER_LOG: str(server.log), "WAREHOUSE": "postgres", "DEPLOYMENT": "production"}


FENCE = Benchmark(
    number=13,
    name="fence",
    question="What does the fence cost on PostgreSQL, if nothing is new, and if all tables have changed?",
    sides=("ours", "unfenced"),
    size=20,
    small=2,
    unit="tables",
    prepare=prepare,
    goals=(
        at_most_times("unfenced", most=1.05),
        shown_more("statements, nothing new", "unfenced", "table", most=0),
        shown_more("statements, changed", "unfenced", "table", most=3),
    ),
    variants=("unfenced",),
)
