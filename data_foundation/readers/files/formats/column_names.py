"""The headings of a table, as names of columns."""

from __future__ import annotations

from collections.abc import Sequence

from data_foundation.errors import LoadError
from data_foundation.naming import normalize


def name_columns(count: int, headings: Sequence[str | None]) -> list[str]:
    """Returns a name for each of `count` columns; one without a heading is called by its place.

    Raises:
        LoadError: There are headings, and not as many.
    """
    if headings and len(headings) != count:
        raise LoadError(f"header: got {len(headings)} names for {count} columns")
    given = headings or [None] * count
    return [" ".join((name or "").split()) or f"column_{number}" for number, name in enumerate(given, 1)]


def same_names(headings: Sequence[str | None], names: Sequence[str]) -> bool:
    """Tells whether headings are these names, however they are spelt."""
    return [_spelling(name or "") for name in headings] == [_spelling(name) for name in names]


def _spelling(name: str) -> str:
    plain = " ".join(name.split())
    return normalize(plain) if plain else ""
