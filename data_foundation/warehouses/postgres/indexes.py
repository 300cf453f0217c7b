"""Finds and creates the indexes by which a load finds the rows of its keys; without them it reads the whole table."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop, is_nested_table

from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case

logger = logging.getLogger(__name__)

LOAD_ID = "_dlt_load_id"
PREFIX = "foundation_"
"""Beginning of the names of these indexes."""

LONGEST_NAME = 63

LONGEST_WAIT = "2s"
"""How long an index waits for other sessions that have written to its table; else the next load creates it."""

TOO_LONG = psycopg2.errors.ProgramLimitExceeded
"""The error of a key that a B-tree does not take: more than 2,704 bytes, compressed."""

_EXISTING = """
    SELECT c.relname, i.indexrelid IS NOT NULL, (
        SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
    )
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisvalid
        AND (i.indpred IS NULL OR pg_get_expr(i.indpred, c.oid) = 'false')
    WHERE n.nspname = %s AND c.relname = ANY(%s) AND c.relkind = 'r'
        AND pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
"""
"""The columns of each index of tables that this role may index; a table without any has one row."""

_OWN = """
    SELECT i.indexrelid::regclass::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s::regclass AND starts_with(c.relname, %s)
"""


@dataclass(frozen=True)
class Index:
    """An index that loads of a table search.

    Attributes:
        table: The name of the table.
        columns: Its columns, in their order.
    """

    table: str
    columns: tuple[str, ...]

    def statement(self, dataset: str, method: str = "btree", condition: str = "") -> str:
        """Returns the CREATE INDEX, by a name that no other has: a table that was renamed keeps its indexes."""
        columns, name = ", ".join(map(quote_name, self.columns)), f"{PREFIX}{uuid.uuid4().hex[:8]}_{self.table}"
        table = f"{quote_name(dataset)}.{quote_name(self.table)}"
        return f"CREATE INDEX {quote_name(name[:LONGEST_NAME])} ON {table} USING {method} ({columns}){condition}"


def find_searched(tables: Mapping[str, Any]) -> Iterator[Index]:
    """Yields the indexes that the merges of a schema search, and the check of their keys.

    Args:
        tables: The tables of a dlt schema, by name.
    """
    for name, table in tables.items():
        root = _root(tables, table)
        if root.get("write_disposition") == "merge" and _has_rows(table):
            keeps_versions = root.get("x-merge-strategy") == "scd2"
            found = _of_nested if is_nested_table(table) else _of_root
            parents = {tables[one].get("parent") for one in tables}
            for columns in found(table, keeps_versions=keeps_versions, has_nested=name in parents):
                yield Index(name, tuple(columns))


def _root(tables: Mapping[str, Any], table: Any) -> Any:
    while is_nested_table(table):
        table = tables[table["parent"]]
    return table


def _has_rows(table: Any) -> bool:
    return any("data_type" in column for column in table["columns"].values())


def _of_root(table: Any, *, keeps_versions: bool, has_nested: bool) -> Iterator[Sequence[str]]:
    keys = {tuple(get_columns_names_with_prop(table, prop)): None for prop in ("primary_key", "merge_key")}
    yield from (columns for columns in keys if columns)
    if has_nested and not keeps_versions and (row_id := get_first_column_name_with_prop(table, "row_key")):
        yield (row_id,)
    if LOAD_ID in table["columns"]:
        yield (LOAD_ID,)


def _of_nested(table: Any, *, keeps_versions: bool, has_nested: bool) -> Iterator[Sequence[str]]:
    del has_nested
    for prop in ("parent_key",) if keeps_versions else ("root_key", "row_key"):
        if column := get_first_column_name_with_prop(table, prop):
            yield (column,)


def create_missing(session: Connection, dataset: str, tables: Mapping[str, Any]) -> None:
    """Creates the indexes that tables lack, in the open transaction; a failure is only logged.

    An index of the user's whose first columns are the same serves as well.

    Args:
        session: The session of the load, after its changes and before its commit.
        dataset: The schema of the tables in the warehouse.
        tables: The tables of the load's dlt schema, by name.
    """
    wanted = list(find_searched(tables))
    if not wanted:
        return
    with session.cursor() as cursor:
        cursor.execute(_EXISTING, (dataset, list({index.table for index in wanted})))
        existing: dict[str, list[Sequence[str]]] = {}
        for table, is_index, columns in cursor.fetchall():
            existing.setdefault(table, []).extend([columns or ()] if is_index else [])
    for index in wanted:
        if index.table in existing and not any(_serves(found, index.columns) for found in existing[index.table]):
            _create(session, dataset, index)


def _serves(found: Sequence[str], columns: Sequence[str]) -> bool:
    return set(found[: len(columns)]) == set(columns)


def _create(session: Connection, dataset: str, index: Index) -> None:
    """Creates an index.

    Keys too long for a B-tree get a hash index. That takes one column only: a key of several gets an index without
    rows, so that the next load does not try again.
    """
    instead = {"condition": " WHERE false"} if len(index.columns) > 1 else {"method": "hash"}
    with session.cursor() as cursor:
        for arguments in ({}, instead):
            cursor.execute("SAVEPOINT indexing")
            try:
                cursor.execute(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'")
                cursor.execute(index.statement(dataset, **arguments))
            except psycopg2.Error as error:
                if session.closed:
                    raise
                cursor.execute("ROLLBACK TO SAVEPOINT indexing")
                if isinstance(error, TOO_LONG):
                    continue
                logger.warning("%s.%s has no index: %s", dataset, index.table, str(error).splitlines()[0])
            return


def drop_own(session: Connection, table: str) -> bool:
    """Drops the indexes of loads that a table has; returns False if it has none.

    PostgreSQL does not name the index that refuses a key of more than 8,191 bytes, so all go. The load creates those
    that it can before its commit.

    Args:
        session: The session of the load.
        table: The qualified name of the table, quoted.
    """
    with session.cursor() as cursor:
        cursor.execute(_OWN, (table, PREFIX))
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP INDEX {name}")
    return bool(names)
