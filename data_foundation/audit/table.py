"""The table of attempts in the warehouse: its columns, how it is created, and what is searched in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from data_foundation.sql_text import quote_text
from data_foundation.warehouses.connection import job_client

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Destination, Warehouse

DATASET = "raw"
TABLE = "_load_audit"
COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR",
    "asset": "VARCHAR",
    "source": "VARCHAR",
    "run_id": "VARCHAR",
    "attempt": "INTEGER",
    "status": "VARCHAR",
    "rows": "BIGINT",
    "bytes": "BIGINT",
    "started": "TIMESTAMP WITH TIME ZONE",
    "ended": "TIMESTAMP WITH TIME ZONE",
    "seconds": "DOUBLE PRECISION",
    "cursor": "VARCHAR",
    "load_id": "VARCHAR",
    "error_class": "VARCHAR",
    "error": "VARCHAR",
    "deleted": "BIGINT",
    "keys_checked": "VARCHAR",
    "left_out": "BIGINT",
}
"""Columns of the table, which are the keys of a line, with types that every engine supports."""

ADDED = ("deleted", "keys_checked", "left_out")
"""Columns that tables and journals of version 0.2 and earlier lack."""


def create_table(client: SqlClientBase[Any], *, has_indexes: bool) -> None:
    """Creates the table, and its dataset, if they do not exist.

    Args:
        client: SQL client of the dataset.
        has_indexes: Whether the engine finds a row of a large table by an index only.
    """
    if not client.has_dataset():
        client.create_dataset()
    columns = ", ".join(f"{client.escape_column_name(name)} {kind}" for name, kind in COLUMNS.items())
    table, identity = client.make_qualified_table_name(TABLE), client.escape_column_name("id")
    client.execute_sql(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    if has_indexes:
        client.execute_sql(
            f"CREATE INDEX IF NOT EXISTS {client.escape_column_name(f'{TABLE}_id')} ON {table} ({identity})"
        )
        _index_loads(client)


def add_columns(client: SqlClientBase[Any], *, has_indexes: bool) -> None:
    """Adds the columns, and the index, that a table of an earlier version lacks; see `create_table`."""
    table = client.make_qualified_table_name(TABLE)
    for name in ADDED:
        client.execute_sql(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {client.escape_column_name(name)} {COLUMNS[name]}"
        )
    if has_indexes:
        _index_loads(client)


def _index_loads(client: SqlClientBase[Any]) -> None:
    """Indexes the loads of each table, by which `newest_checked_query` searches."""
    columns = ", ".join(map(client.escape_column_name, ("asset", "load_id")))
    name, table = client.escape_column_name(f"{TABLE}_load"), client.make_qualified_table_name(TABLE)
    client.execute_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})")


def forget_checked_keys(client: SqlClientBase[Any], assets: Iterable[str]) -> None:
    """Makes the next load of tables check every row, as rows came in that no load of this warehouse has written.

    Args:
        client: SQL client of the dataset.
        assets: The tables, each dataset.table.
    """
    q, table = client.escape_column_name, client.make_qualified_table_name(TABLE)
    for asset in assets:
        client.execute_sql(f"UPDATE {table} SET {q('keys_checked')} = NULL WHERE {q('asset')} = %s", asset)  # noqa: S608 - quoted by dlt


def newest_checked_query(warehouse: Warehouse, destination: Destination, asset: str, rule: str) -> str:
    """Returns a SELECT of the id of the newest load up to which the rows of a table obey the rule of its key.

    It selects NULL if there is none, and fails if the table of attempts does not exist or is of an earlier version.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        destination: Destination of `warehouse.open()`.
        asset: The table, dataset.table.
        rule: The rule as `keys_checked` has it.
    """
    client = job_client(destination, warehouse.dataset(DATASET)).sql_client
    q, table = client.escape_column_name, client.make_qualified_table_name(TABLE)
    return (
        f"SELECT MAX({q('load_id')}) FROM {table} "  # noqa: S608 - quoted by dlt
        f"WHERE {q('asset')} = {quote_text(asset)} AND {q('keys_checked')} = {quote_text(rule)}"
    )
