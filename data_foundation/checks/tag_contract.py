"""A resource's contract by tag, held against its rows while nothing is written yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from data_foundation.config.grammar import ResourceConfig
from data_foundation.naming import normalize
from data_foundation.suggestions import nearest

VARIANT = "__v_"
"""What dlt puts between a column and the type of the values that did not fit it."""


def find_breaches(
    resource: ResourceConfig, seen: Collection[str], columns: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yields what rows lack that the resource's tag requires.

    Args:
        resource: Bound to its tag.
        seen: Names of the keys that the rows had, as the warehouse has them.
        columns: dlt's column schemas by name, as the rows will land.
    """
    for required in resource.contract:
        name = normalize(required.column)
        wanted = f"{required.name} ({required.data_type})"
        wanted += f" from column {name}" if name != required.name else ""
        kind = columns.get(name, {}).get("data_type")
        variant = next((other for other in columns if other.startswith(name + VARIANT)), None)
        advice = f"say `columns: {{{required.column}: {{data_type: {required.data_type}}}}}`"
        if not any(name == key or name.startswith(f"{key}__") for key in seen):
            yield f"{wanted}: the rows have no such column{nearest(name, sorted(seen))}"
        elif variant:
            yield f"{wanted}: some values are {variant.partition(VARIANT)[2]}, they are in column {variant}"
        elif kind is None:
            yield f"{wanted}: no row has a value, so that its type is unknown; {advice}"
        elif not required.takes(kind):
            yield f"{wanted}: the column is {kind}; accepted: {required.accepted}. If every value is one, {advice}"
