"""Names as the warehouse has them."""

from __future__ import annotations

from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention

from data_foundation.grammar import ResourceConfig

_SNAKE_CASE = NamingConvention()
LONGEST_SCHEMA_NAME = 64

CLUSTER_BY = "x-cluster-by"
"""dlt's hint of a table that holds the columns of `cluster_by`, in their order."""

PII = "x-pii"
"""dlt's hint of a column whose values land as hashes: `hash`."""

ROOT = "root"
"""dlt's metric of a resource under which an entry finds the repository that its source stands in."""

ASKED = "asked"
"""dlt's metric of a resource under which an entry finds whether somebody asked for a range, "range", or for a few rows,
"sample"; "" where the run goes on from where the last one ended."""

UNCHANGED = "unchanged"
"""dlt's metric of a resource under which an entry says why it read nothing: nothing has changed since the last load."""

WARNINGS = "warnings"
"""dlt's metric of a resource under which an entry says what a person should know although nothing failed: a list."""

FAILED_PARTS = "failed_parts"
"""dlt's metric of a resource under which an entry says which parts failed alone, and why: a dict of text to text."""


@lru_cache(maxsize=65536)
def normalize(name: str) -> str:
    """Returns the identifier that dlt makes of `name` with its default naming convention."""
    return _SNAKE_CASE.normalize_path(name)


def table_key(resource: ResourceConfig) -> tuple[str, str]:
    """Returns dataset and table of a resource as they are called in the warehouse: its asset key."""
    return normalize(resource.dataset), normalize(resource.table)


def pipeline_name(dataset: str, table: str) -> str:
    """Returns the name of a table's pipeline; no dataset and no table has the dash in its name."""
    return f"{dataset}-{table}"


def schema_name(table: str) -> str:
    """Returns the name of a table's dlt schema, of which a dataset must hold no two alike.

    The name that dlt would choose is the same for `a_b` and `a__b`, and for `orders` and `orders_pipeline`: each would
    read back the other's columns.
    """
    return _SNAKE_CASE.shorten_identifier(table, table, LONGEST_SCHEMA_NAME)


def child_key(resource: ResourceConfig, child: str) -> tuple[str, str]:
    """Returns dataset and table of a nested list named in `child_tables`, for instance `parents` or `a.b`."""
    dataset, table = table_key(resource)
    return dataset, "__".join((table, *map(normalize, child.split("."))))


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
