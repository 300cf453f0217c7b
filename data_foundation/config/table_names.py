"""Names of the tables that a resource fills, as the warehouse spells them."""

from __future__ import annotations

from data_foundation.config.grammar import ResourceConfig
from data_foundation.naming import TableName, normalize


def table_name_of(resource: ResourceConfig) -> TableName:
    """Returns the name of a resource's table in the warehouse, which is its asset key too."""
    return TableName(normalize(resource.dataset), normalize(resource.table))


def child_table_of(resource: ResourceConfig, child: str) -> TableName:
    """Returns the name of the table of a nested list in `child_tables`, for instance `parents` or `a.b`."""
    dataset, table = table_name_of(resource)
    return TableName(dataset, child_name(table, child))


def further_table_of(resource: ResourceConfig, name: str) -> TableName:
    """Returns the name of a table in `tables`, which the resource's code fills in addition to its own."""
    return TableName(normalize(resource.dataset), normalize(name))


def tables_of(resource: ResourceConfig) -> list[TableName]:
    """Returns the names of a resource's table, of its child tables, and of its further tables."""
    children = (child_table_of(resource, child) for child in resource.child_tables)
    further = (further_table_of(resource, name) for name in resource.tables)
    return [table_name_of(resource), *children, *further]


def child_name(table: str, child: str) -> str:
    """Returns the name that dlt gives to a nested list of `table`."""
    return "__".join((table, *map(normalize, child.split("."))))


def hub_table(resource: ResourceConfig) -> str:
    """Returns the name of the hub: the table of all keys of a resource's tag."""
    return f"hub_{resource.tag}"


def satellites_table(resource: ResourceConfig) -> str:
    """Returns the name of the table that lists the satellites of a resource's tag."""
    return f"{hub_table(resource)}__satellites"


def landing_table_of(source: str, resource: ResourceConfig) -> TableName:
    """Returns the name of the table that a resource's rows land in; with `landing: vault` its first satellite."""
    dataset, table = table_name_of(resource)
    return TableName(dataset, satellite_table(source, resource) if resource.landing == "vault" else table)


def satellite_table(source: str, resource: ResourceConfig) -> str:
    """Returns the name of a resource's first satellite; the names of later ones end in the time of their opening."""
    return f"sat_{normalize(source)}_{table_name_of(resource).table}"
