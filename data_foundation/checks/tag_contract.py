"""Compares rows with the contract of their resource's tag, before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from data_foundation.config.grammar import ResourceConfig
from data_foundation.naming import normalize
from data_foundation.suggestions import nearest

VARIANT = "__v_"
"""The text in the name of dlt's variant columns, between the column and the type of its other values."""


def find_breaches(
    resource: ResourceConfig, seen: Collection[str], columns: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yields a sentence for each column of the tag's contract that the rows break.

    Args:
        resource: The resource, with the contract of its tag.
        seen: Normalised names of the rows' keys.
        columns: dlt's column schemas of the rows, by name.
    """
    for required in resource.contract:
        name = normalize(required.column)
        label = f"{required.name} ({required.data_type})"
        label += f" from column {name}" if name != required.name else ""
        kind = columns.get(name, {}).get("data_type")
        variant = next((other for other in columns if other.startswith(name + VARIANT)), None)
        advice = f"set `columns: {{{required.column}: {{data_type: {required.data_type}}}}}`"
        if not any(name == key or name.startswith(f"{key}__") for key in seen):
            yield f"{label}: the rows have no such column{nearest(name, sorted(seen))}"
        elif variant:
            yield f"{label}: some values are {variant.partition(VARIANT)[2]}, they are in column {variant}"
        elif kind is None:
            yield f"{label}: no row has a value, so that its type is unknown; {advice}"
        elif not required.takes(kind):
            yield f"{label}: the column is {kind}; accepted: {required.accepted}. If every value is one, {advice}"
