"""Comparison of the tables that two sides copied, and the types of their columns."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks.content import casts, read_content, read_types
from benchmarks.sql.table import COLUMNS


def read_outcome(database: Path | None, size: int, table: str, without: Collection[str] = ()) -> dict[str, Any]:
    """Returns the hashes of a table.

    Args:
        database: A DuckDB file; None if `table` reads files.
        size: Number of rows of the side.
        table: For instance `raw.orders`.
        without: Columns whose values the side does not keep.
    """
    kept = {name: kind for name, kind in COLUMNS.items() if name not in without}
    content = read_content(database, size, {"orders": f"SELECT {casts(kept)} FROM {table}"})  # noqa: S608 - our own
    if without:
        for columns in content.values():
            del columns["rows"]
    shown: dict[str, Any] = {"types": read_types(database, table)}
    return {"content": content, "shown": shown | ({"values lost in": ", ".join(without)} if without else {})}
