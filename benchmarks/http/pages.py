"""Division of the rows into pages, and the address of the server."""

from __future__ import annotations

PAGE = 10_000
URL = "SOURCES__API__URL"
"""Name of the setting with the server's address, for a source named `api`."""


def count_pages(size: int) -> int:
    """Returns the number of pages for this many rows."""
    return -(-size // PAGE)
