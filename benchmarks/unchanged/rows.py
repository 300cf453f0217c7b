"""The rows of every side: ten in the first run, and then an empty page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

ROWS = 10
NOTHING_NEW = "BENCHMARK_NOTHING_NEW"
"""Name of the environment variable that empties the page."""


def get_pages() -> Iterator[list[dict[str, Any]]]:
    """Yields one page."""
    rows = [
        {"id": number, "name": f"n{number}", "updated_at": f"2024-02-{number + 1:02}T00:00:00Z"}
        for number in range(ROWS)
    ]
    yield [] if os.environ.get(NOTHING_NEW) else rows
