"""Comparison of the flat rows that two sides loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.content import but_the_first, casts, read_content, read_types
from benchmarks.flat.rows import COLUMNS

ROWS = {"rows": f"SELECT {casts(COLUMNS)} FROM raw.rows"}  # noqa: S608 - our own
BUT_THE_FIRST = but_the_first(ROWS)
WHOLE = ROWS | BUT_THE_FIRST


def read_outcome(database: Path, size: int, queries: Mapping[str, str] = WHOLE) -> dict[str, Any]:
    """Returns the hashes of `raw.rows`, and the types of its columns."""
    return {"content": read_content(database, size, queries), "shown": {"types": read_types(database, "raw.rows")}}
