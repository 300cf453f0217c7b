"""Many sources of one resource each, with ten rows that need no request: the time is that of the ops alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.daily.tree import OURS, RESOURCE
from benchmarks.trees import write_source

PER_SIZE = 2
DATA = '''
"""Ten rows, made up in this process."""


def get_rows(endpoint):
    """Ten rows."""
    yield [{"id": number, "name": f"{endpoint} {number}"} for number in range(10)]
'''


def tiny_tables(size: int) -> Sequence[str]:
    """Returns the tables, one of each source."""
    return [f"tiny_{number:03}" for number in range(size * PER_SIZE)]


def write_tiny(root: Path, size: int) -> None:
    """Writes the sources and their composition root."""
    for table in tiny_tables(size):
        write_source(root, table, "resources:" + RESOURCE.format(table=table), DATA)
    (root / "definitions.py").write_text(OURS.lstrip(), encoding="utf-8")
