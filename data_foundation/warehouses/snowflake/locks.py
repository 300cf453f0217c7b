"""The locks of loads in Snowflake: rows of `_load_locks`, each updated in the transaction that holds it.

Snowflake has no locks of a session. An UPDATE waits for a transaction that has updated the same table to end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

TABLE = "_load_locks"


def begin_with_locks(client: SqlClientBase[Any], names: Iterable[str]) -> None:
    """Begins a transaction that holds locks; waits for other transactions that hold one.

    Args:
        client: A client of the dataset, outside of a transaction.
        names: The names of the locks.
    """
    wanted = list(names)
    client.execute_sql("BEGIN")
    if not _update(client, wanted):
        client.execute_sql("ROLLBACK")
        _add(client, wanted)
        client.execute_sql("BEGIN")
        _update(client, wanted)


def _update(client: SqlClientBase[Any], names: list[str]) -> bool:
    """Updates the rows of locks; returns False if one of them is missing."""
    table = client.make_qualified_table_name(TABLE)
    for name in names:
        try:
            updated = client.execute_sql(f"UPDATE {table} SET times = times + 1 WHERE name = %s", name)  # noqa: S608 - quoted by dlt
        except DatabaseUndefinedRelation:
            return False
        if not updated or not updated[0][0]:
            return False
    return True


def _add(client: SqlClientBase[Any], names: list[str]) -> None:
    """Adds the missing rows of locks; two loads that add the same one make two rows, and each then updates both."""
    table = client.make_qualified_table_name(TABLE)
    client.execute_sql(f"CREATE TABLE IF NOT EXISTS {table} (name VARCHAR, times BIGINT)")
    for name in names:
        missing = f"SELECT %s, 0 WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE name = %s)"  # noqa: S608 - quoted by dlt
        client.execute_sql(f"INSERT INTO {table} {missing}", name, name)
