"""Keeps the cursor where it is until the last part of a first load, which a reader divides by ranges of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_foundation.dlt_keys import FIRST_LOAD
from data_foundation.loading.cursor.table_cursor import find_cursor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.extract import DltResource


def has_more_parts(resource: DltResource) -> bool:
    """Returns True if the first load of a resource has another part, which is read once this one has landed."""
    part: Mapping[str, Any] | None = resource.custom_metrics.get(FIRST_LOAD)
    return part is not None and not part["is_last"]


def hold_cursor(resource: DltResource, _states: dict[str, Any]) -> None:
    """Sets the stored cursor of a part of a first load, after its extraction.

    Parts are ranges of a key, so the cursor's values of later parts may be smaller. After the last part it is the value
    that the table had when the first part was read; until then it is the initial value.

    Args:
        resource: The resource, which was extracted.
    """
    part: Mapping[str, Any] | None = resource.custom_metrics.get(FIRST_LOAD)
    cursor = find_cursor(resource)
    if part is None or cursor is None:
        return
    state: Any = cursor._cached_state  # noqa: SLF001 - dlt 1.31 has no public name for it
    newest = part["cursor"] if part["is_last"] else None
    state.update(last_value=state["initial_value"] if newest is None else newest, unique_hashes=[])
    for name in ("boundary", "missing"):
        state.pop(name, None)
