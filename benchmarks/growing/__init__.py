"""Cost of loading 1,000 rows into a table that grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.goals import growth, shown_growth
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

ON_POSTGRES = ("postgres", "postgres_upsert", "postgres_scd2")
OURS = ("ours", "upsert", "insert_only", "scd2", "append", "vault", *ON_POSTGRES)
SIDES = (*OURS, "floor", "postgres_floor")
DISPOSITIONS = {
    "ours": "write_disposition: merge",
    "upsert": "write_disposition: {disposition: merge, strategy: upsert}",
    "insert_only": "write_disposition: {disposition: merge, strategy: insert-only}",
    "scd2": "write_disposition: {disposition: merge, strategy: scd2}\n    merge_key: id",
    "append": "write_disposition: append",
    "vault": "landing: vault\n    tag: things",
}
ROWS = 1_000
"""Rows of the load: half of them have the key of a row that is in the table."""
IS_FIRST = "IS_FIRST"
SIZE = "TABLE_ROWS"
PORT = "POSTGRES_PORT"
DATA = '''
"""One row, and then what is new and what has changed."""

import os
from collections.abc import Iterator
from typing import Any

from benchmarks.growing import IS_FIRST, SIZE, new_rows


def get_rows() -> Iterator[list[dict[str, Any]]]:
    """The rows of one load."""
    yield [{"id": -1, "state": "first", "amount": 0.5}] if os.environ.get(IS_FIRST) else new_rows(int(os.environ[SIZE]))
'''
YAML = """
resources:
  - entry: data.get_rows
    destination: raw.{name}
    primary_key: id
    {disposition}
    checks: {{primary_key: block}}
"""
TAGS = "things: {requires: {state: text}}\n"
"""The tag of the vault."""


def new_rows(size: int) -> list[dict[str, object]]:
    """Returns the rows of the load: every `size / 500`th of the table anew, and 500 with new keys.

    Args:
        size: Rows of the table, whose keys are 0 to `size` - 1.
    """
    half = ROWS // 2
    changed = [{"id": number * (size // half), "state": "changed", "amount": 1.5} for number in range(half)]
    return changed + [{"id": size + number, "state": "new", "amount": 2.5} for number in range(half)]


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes a source for each disposition, and runs a PostgreSQL server."""
    from tests.support.postgres_server import run_server  # noqa: PLC0415 - other benchmarks need no server

    for name, disposition in DISPOSITIONS.items():
        write_source(folder / name, "shop", YAML.format(name=name, disposition=disposition), DATA)
        (folder / name / "dlthub" / "tags.yaml").write_text(TAGS, encoding="utf-8")
    with run_server() as server:
        yield {**server.settings(server.create_database()), SIZE: str(size), "DEPLOYMENT": "production"}


GROWING = Benchmark(
    number=12,
    name="growing",
    question="What does it cost to load 1,000 rows into a table of 0.1, 1 and 10 million, in a process of its own?",
    sides=SIDES,
    size=100_000,
    small=2_000,
    unit="rows in the table",
    prepare=prepare,
    variants=tuple(side for side in OURS if side != "ours"),
    growth_goals=tuple(
        goal
        for side in OURS
        for goal in (
            growth(side, most=1.2),
            shown_growth("MiB at the peak", side, most=1.2),
            shown_growth("MiB of pages" if side in ON_POSTGRES else "MiB read", side, most=1.2),
        )
    ),
    scales=(1, 10, 100),
    is_constant=True,
    scaled=SIDES,
)
