"""Names of the tables that a resource fills, as the warehouse spells them."""

from __future__ import annotations

from data_foundation.config.grammar import ResourceConfig
from data_foundation.naming import normalize


def table_key(resource: ResourceConfig) -> tuple[str, str]:
    """Returns dataset and table of a resource as they are called in the warehouse: its asset key."""
    return normalize(resource.dataset), normalize(resource.table)


def child_key(resource: ResourceConfig, child: str) -> tuple[str, str]:
    """Returns dataset and table of a nested list named in `child_tables`, for instance `parents` or `a.b`."""
    dataset, table = table_key(resource)
    return dataset, child_name(table, child)


def child_name(table: str, child: str) -> str:
    """Returns the name that dlt gives to a nested list of `table`."""
    return "__".join((table, *map(normalize, child.split("."))))


def hub_table(resource: ResourceConfig) -> str:
    """Returns the table of all keys of a resource's tag."""
    return f"hub_{resource.tag}"


def satellites_table(resource: ResourceConfig) -> str:
    """Returns the table that lists the satellites of a resource's tag."""
    return f"{hub_table(resource)}__satellites"


def landing_key(source: str, resource: ResourceConfig) -> tuple[str, str]:
    """Returns dataset and table that a resource's rows land in: in a vault its first satellite."""
    dataset, table = table_key(resource)
    return dataset, satellite_table(source, resource) if resource.landing == "vault" else table


def satellite_table(source: str, resource: ResourceConfig) -> str:
    """Returns the first satellite of a resource; later ones add when they were opened."""
    return f"sat_{normalize(source)}_{table_key(resource)[1]}"
