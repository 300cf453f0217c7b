"""Lists the tables of this deployment, and finds one by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import relations_query
from data_foundation.inspection.select import Rows, dialect_of, read_select
from data_foundation.naming import TableName
from data_foundation.suggestions import nearest

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse


def find_table(warehouse: Warehouse, name: str) -> TableName:
    """Returns schema and table, as the warehouse spells them, of a name `dataset.table`.

    The dataset is the configured one, `raw`, or the schema of this deployment, `raw__anna`.

    Raises:
        FoundationError: There is no such table; the message has the nearest one.
    """
    dataset, _, table = name.lower().partition(".")
    if warehouse.format:
        # A lake has no catalogue: DuckDB opens a table when a query names it.
        return TableName(dataset if dataset.endswith(warehouse.suffix) else warehouse.dataset(dataset), table)
    with warehouse.query() as query:
        found = [TableName(schema, relation) for schema, relation, *_ in query(relations_query(warehouse))]
    known = {(one.dataset.lower(), one.table.lower()): one for one in found}
    for schema in (warehouse.dataset(dataset).lower(), dataset):
        if (schema, table) in known:
            return known[schema, table]
    own = [str(one) for one in found if not one.table.startswith("_dlt")]
    raise FoundationError(f"there is no table {name} in {warehouse.location}{nearest(name, own)}")


def asset_of(warehouse: Warehouse, name: TableName) -> str:
    """Returns the configured name dataset.table of a table, as the audit trail has it."""
    return f"{name.dataset.lower().removesuffix(warehouse.suffix)}.{name.table.lower()}"


def show_table(warehouse: Warehouse, name: str, limit: int, seconds: int | None = None) -> Rows:
    """Returns the first rows of a table `dataset.table`; `seconds` limits the duration of the query.

    Raises:
        FoundationError: There is no such table.
    """
    found = find_table(warehouse, name)
    # The limit is part of the query: without it PostgreSQL and Snowflake would compute every row.
    query = exp.select("*").from_(exp.table_(found.table, found.dataset, quoted=True)).limit(limit + 1)
    return read_select(warehouse, query.sql(dialect=dialect_of(warehouse)), limit, seconds, found.dataset)
