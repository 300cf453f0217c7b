"""Finds what earlier loads have stored of a dlt resource's cursors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

States = Mapping[str, Mapping[str, Any]]
"""dlt's state of each source, by its name."""


def find_stored_cursors(states: States, name: str) -> dict[str, Any]:
    """Returns the stored values of a dlt resource's cursors by their path; those without a value are left out.

    Args:
        states: The states of the sources.
        name: Name of the dlt resource.
    """
    return {
        path: cursor["last_value"]
        for cursors in find_cursor_states(states, name)
        for path, cursor in cursors.items()
        if cursor.get("last_value") is not None
    }


def find_cursor_states(states: States, name: str) -> Iterator[MutableMapping[str, Any]]:
    """Yields the states of a dlt resource's cursors, by their path."""
    for state in states.values():
        yield state.get("resources", {}).get(name, {}).get("incremental", {})
