"""Comparison of the tables that two sides loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.content import read_content
from benchmarks.daily.tree import source_tables

ROWS = 10


def read_outcome(sources: int, files: Mapping[str, Path] | Path) -> dict[str, Any]:
    """Returns the hashes of all tables, stored in one file or in one file for each source."""
    content: dict[str, Any] = {}
    for source, tables in source_tables(sources).items():
        rows = [f"SELECT id, name, price, '{table}' AS place FROM raw.{table}" for table in tables]  # noqa: S608 - our own
        query = " UNION ALL ".join(rows)
        content |= read_content(files if isinstance(files, Path) else files[source], ROWS, {source: query})
    return {"content": content}
