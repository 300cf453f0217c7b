"""Lists the tables and views of this deployment, with their number of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dlt.destinations.exceptions import DatabaseException

from data_foundation.inspection.select import dialect_of
from data_foundation.naming import TableName
from data_foundation.sql_text import quote_name
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Query, Warehouse

SAMPLE = "__sample"
"""Ending of the datasets of samples, which are no deployment."""

COUNTED_BYTES = 64 * 1024 * 1024
"""Size up to which PostgreSQL counts the rows of a table; of a larger one its own estimate is shown."""

_LISTS: Mapping[str, str] = {
    # The databases beside the lake's are DuckDB's own, and the catalogue.
    "ducklake": (
        "SELECT table_schema, table_name, table_type = 'VIEW', NULL, FALSE FROM information_schema.tables "
        "WHERE table_catalog = current_database() ORDER BY 1, 2"
    ),
    "postgres": (
        "SELECT n.nspname, c.relname, c.relkind IN ('v', 'm'), "  # noqa: S608 - a constant
        f"CASE WHEN pg_relation_size(c.oid) > {COUNTED_BYTES} AND c.reltuples >= 0 THEN c.reltuples::bigint END, TRUE "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm') "
        "AND LEFT(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"
    ),
    # Each schema is a file of its own, attached under its name.
    "sqlite": (
        "SELECT schema, name, type = 'view', NULL, FALSE FROM pragma_table_list WHERE schema NOT IN ('main', 'temp') "
        "ORDER BY 1, 2"
    ),
    "snowflake": (
        "SELECT table_schema, table_name, table_type = 'VIEW', row_count, FALSE FROM information_schema.tables "
        "WHERE table_schema <> 'INFORMATION_SCHEMA' ORDER BY 1, 2"
    ),
}
_STANDARD = (
    "SELECT table_schema, table_name, table_type = 'VIEW', NULL, FALSE FROM information_schema.tables "
    "WHERE LOWER(table_schema) NOT IN ('information_schema', 'pg_catalog', 'mysql', 'sys', 'performance_schema') "
    "ORDER BY 1, 2"
)


@dataclass(frozen=True)
class Relation:
    """A table or a view.

    Attributes:
        name: Dataset and table as the warehouse spells them.
        is_view: True for a view, whose rows are not counted: that could take as long as building it.
        rows: Number of rows, None if it was not counted.
        is_estimate: True if the number is the engine's estimate.
    """

    name: TableName
    is_view: bool = False
    rows: int | None = None
    is_estimate: bool = False


def relations_query(warehouse: Warehouse) -> str:
    """Returns a SELECT of schema, name, whether it is a view, rows or NULL, and whether these are an estimate."""
    return _LISTS.get(warehouse.kind) or _LISTS.get(dialect_of(warehouse), _STANDARD)


def list_relations(warehouse: Warehouse, known: Sequence[TableName], seconds: float) -> list[Relation]:
    """Returns the tables and views of this deployment, without those of dlt.

    Args:
        warehouse: The warehouse.
        known: Tables of a lake, which has no catalogue, dataset and table as the warehouse spells them.
        seconds: How long tables are counted; the rest are listed without their number of rows.
    """
    deadline = time.monotonic() + seconds
    if warehouse.format:
        return list(_list_lake(warehouse, known, deadline))
    with warehouse.query() as query:
        found = [
            Relation(TableName(schema, table), bool(is_view), rows, is_estimate=bool(estimated and rows is not None))
            for schema, table, is_view, rows, estimated in query(relations_query(warehouse))
            if _is_shown(warehouse, schema, table)
        ]
        return [_counted(query, one, deadline) for one in found]


def _is_shown(warehouse: Warehouse, schema: str, table: str) -> bool:
    """Returns whether a table is of this deployment, and none of dlt's own."""
    name = schema.lower()
    if table.lower().startswith("_dlt") or name.removesuffix(warehouse.suffix).endswith("_staging"):
        return False
    if warehouse.suffix:
        return name.endswith(warehouse.suffix)
    # A file belongs to one person, with all deployments in it.
    return warehouse.is_exclusive or "__" not in name.removesuffix(SAMPLE)


def _counted(query: Query, relation: Relation, deadline: float) -> Relation:
    if relation.is_view or relation.rows is not None or time.monotonic() > deadline:
        return relation
    return replace(relation, rows=_count(query, relation.name))


def _list_lake(warehouse: Warehouse, known: Sequence[TableName], deadline: float) -> Iterator[Relation]:
    """Yields those tables of a lake that exist, and all that were not tried before the deadline."""
    with warehouse.open() as destination:
        for name in known:
            if time.monotonic() > deadline:
                yield Relation(name)
                continue
            # A client of a lake knows the tables of one dataset.
            with connect(destination, name.dataset) as client, suppress(DatabaseException):
                yield Relation(name, rows=_count(partial(_run, client), name))


def _run(client: SqlClientBase[Any], sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.execute_sql(sql) or ()]


def _count(query: Query, name: TableName) -> int:
    # A lake reads this form from the metadata of its files.
    return int(query(f"SELECT (SELECT COUNT(*) FROM {quote_name(name.dataset)}.{quote_name(name.table)})")[0][0])  # noqa: S608 - quoted
