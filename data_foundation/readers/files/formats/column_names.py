"""Converts the headings of a table to column names."""

from __future__ import annotations

from collections.abc import Sequence

from data_foundation.errors import LoadError
from data_foundation.naming import normalize


def name_columns(count: int, headings: Sequence[str | None], file: str) -> list[str]:
    """Returns a name for each of `count` columns; a column without a heading is named by its position.

    Args:
        count: Number of columns.
        headings: Headings of the table, or the names in `header`; may be empty.
        file: Name of the file in messages.

    Raises:
        LoadError: The numbers of headings and columns differ.
    """
    if headings and len(headings) != count:
        raise LoadError(
            f"{file}: header: got {len(headings)} name{'s' * (len(headings) != 1)} for {count} "
            f"column{'s' * (count != 1)}; accepted: one name for each column"
        )
    given = headings or [None] * count
    return [" ".join((name or "").split()) or f"column_{number}" for number, name in enumerate(given, 1)]


def same_names(headings: Sequence[str | None], names: Sequence[str]) -> bool:
    """Returns whether headings and names are the same after normalisation."""
    return [_normalized(name or "") for name in headings] == [_normalized(name) for name in names]


def _normalized(name: str) -> str:
    text = " ".join(name.split())
    return normalize(text) if text else ""
