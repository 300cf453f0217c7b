"""How the rows are cut into pages, and where the sides find them."""

from __future__ import annotations

PAGE = 10_000
URL = "SOURCES__API__URL"
"""The setting that names the server: dlt's, of a source called api."""


def count_pages(size: int) -> int:
    """Returns how many pages hold so many rows."""
    return -(-size // PAGE)
