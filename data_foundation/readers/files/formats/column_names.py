"""Converts the headings of a table to column names."""

from __future__ import annotations

from collections.abc import Sequence

from data_foundation.errors import LoadError
from data_foundation.naming import normalize
from data_foundation.readers.files.page import FILE, ROW


def name_columns(count: int, headings: Sequence[str | None], file: str) -> list[str]:
    """Returns a name for each of `count` columns; a column without a heading is named by its position.

    Args:
        count: Number of columns.
        headings: Headings of the table, or the names in `header`; may be empty.
        file: Name of the file in messages.

    Raises:
        LoadError: The numbers of headings and columns differ, or two headings become one column.
    """
    if headings and len(headings) != count:
        raise LoadError(
            f"{file}: header: got {len(headings)} name{'s' * (len(headings) != 1)} for {count} "
            f"column{'s' * (count != 1)}; accepted: one name for each column"
        )
    texts = [" ".join((name or "").split()) for name in headings or [None] * count]
    known = refuse_repeated_names([name for name in texts if name], file)
    return [name or _unnamed(number, known) for number, name in enumerate(texts, 1)]


def refuse_repeated_names(names: Sequence[str], file: str) -> set[str]:
    """Returns the names as the warehouse spells them.

    Args:
        names: Names of the columns of a file.
        file: Name of the file in messages.

    Raises:
        LoadError: Two of them become one column, of which only one would be loaded, or one is that of a row's place.
    """
    known: dict[str, str] = {}
    for name in names:
        spelled = _normalized(name)
        if spelled in {FILE, ROW}:
            raise LoadError(f"{file}: the heading '{name}' is that of the column with the place of a row; rename it")
        if spelled in known:
            raise LoadError(
                f"{file}: the headings '{known[spelled]}' and '{name}' become one column, {spelled}; rename one, or "
                "name all columns with `header` and `skip` the headings"
            )
        known[spelled] = name
    return set(known)


def _unnamed(number: int, known: set[str]) -> str:
    name = f"column_{number}"
    return name if name not in known else f"{name}_without_heading"


def same_names(headings: Sequence[str | None], names: Sequence[str]) -> bool:
    """Returns whether headings and names are the same after normalisation."""
    return [_normalized(name or "") for name in headings] == [_normalized(name) for name in names]


def has_names(headings: Sequence[str | None], names: Sequence[str]) -> bool:
    """Returns whether all names are among the headings, after normalisation."""
    return {_normalized(name) for name in names} <= {_normalized(name or "") for name in headings}


def _normalized(name: str) -> str:
    text = " ".join(name.split())
    return normalize(text) if text else ""
