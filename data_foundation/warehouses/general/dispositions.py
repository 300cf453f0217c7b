"""What dlt's destinations can do of what a resource asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from data_foundation.errors import WarehouseError

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig


def refuse_unsupported(resource: ResourceConfig, kind: str, strategies: Collection[str]) -> None:
    """Refuses a resource that a destination of dlt cannot load.

    Args:
        resource: The resource.
        kind: dlt's name of the destination.
        strategies: The strategies of merges that it has.

    Raises:
        WarehouseError: Names what is accepted instead.
    """
    if resource.landing == "vault":
        message = "landing: got vault, which is proven in duckdb, snowflake and postgres only; accepted: one of these"
        raise WarehouseError(message)
    chosen = resource.write_disposition
    strategy = chosen.strategy or "delete-insert"
    if chosen.disposition == "merge" and strategy not in strategies:
        accepted = ", ".join(sorted(strategies)) or "append and replace, as it has no merge"
        message = f"write_disposition: got strategy {strategy}; accepted by dlt's destination {kind}: {accepted}"
        raise WarehouseError(message)
    if strategy == "scd2" and len(resource.merge_columns) > 1:
        message = (
            f"merge_key: got {', '.join(resource.merge_columns)} with strategy scd2, whose columns dlt's destination "
            f"{kind} compares as one text, in which a key 'a', 'bc' equals a key 'ab', 'c'; accepted: one column, or "
            "duckdb, ducklake, postgres or snowflake as the warehouse"
        )
        raise WarehouseError(message)
