"""Time of one run of many tables, divided among machines that share one PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.fence import RESOURCE, TURN
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

SOURCES = 8
"""Sources, among which the tables are divided, and which are divided among the machines."""
WAIT_SECONDS = 1.0
"""How long the API takes to answer the one request of a table."""
DATA = f'''
"""An API that answers slowly: ten rows, all of which have changed since the last turn."""

import os
import time
from collections.abc import Iterator
from typing import Any

import dlt


def get_rows(turn: Any = dlt.sources.incremental("turn", initial_value=-1)) -> Iterator[list[dict[str, Any]]]:
    """The rows, if they are newer than those of the table."""
    time.sleep({WAIT_SECONDS})
    newest = int(os.environ["{TURN}"])
    yield [{{"id": number, "turn": newest}} for number in range(10)] if newest > turn.last_value else []
'''


def table_names(size: int) -> dict[str, list[str]]:
    """Returns the names of the tables by source."""
    sources = [f"api_{number}" for number in range(min(SOURCES, size))]
    return {
        source: [f"{source}_endpoint_{table}" for table in range(number, size, len(sources))]
        for number, source in enumerate(sources)
    }


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the sources, and runs a PostgreSQL server."""
    from tests.support.postgres_server import run_server  # noqa: PLC0415 - other benchmarks need no server

    for source, tables in table_names(size).items():
        yaml = "source: {max_concurrency: 2}\nresources:" + "".join(RESOURCE.format(table=table) for table in tables)
        write_source(folder, source, yaml, DATA)
    with run_server() as server:
        yield {**server.settings(), "WAREHOUSE": "postgres", "DEPLOYMENT": "production"}


MACHINES = Benchmark(
    number=14,
    name="machines",
    question="How much sooner do two and four machines end a run that one machine could do?",
    sides=("one", "two", "four"),
    size=200,
    small=4,
    unit="tables",
    prepare=prepare,
    goals=(times("one", "two", least=1.8), times("one", "four", least=1.8)),
    variants=("two", "four"),
)
