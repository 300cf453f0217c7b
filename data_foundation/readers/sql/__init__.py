"""Reads tables of SQL databases: `data_foundation.readers.sql.get_table` is an entry for `sources.yaml`.

`table_reader.py` reads one table through a `Database` (`database.py`): PostgreSQL through ADBC, SQLite through
Python's driver, all others through SQLAlchemy. Each value arrives exactly as the database stores it, or the load
fails and names row and column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.extract import DltResource

from data_foundation.errors import EntryError
from data_foundation.readers.deleted_rows import read_deleted
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.table_arguments import TableArguments, find_problems_of_query


def get_table(  # noqa: PLR0913 - each is a key of `kwargs` in sources.yaml
    connection: str,
    table: str = "",
    *,
    query: str | None = None,
    tables: Sequence[str] | str = (),
    schema: str | None = None,
    include: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    query_filter: str | None = None,
    chunk_size: int = 100_000,
    parallelism: int = 1,
    partition_on: str | None = None,
    skip_unchanged: str | None = None,
    merge_on_key: bool = False,
    deleted: Mapping[str, Any] | str | None = None,
    first_load_rows: int | None = None,
    dialect: str | None = None,
) -> DltResource:
    """One table or view of a SQL database, or the rows of a query, every value exactly as the database has it.

    With `incremental` in `sources.yaml`, the SELECT contains the cursor's first and last value.

    Args:
        connection: Name of the connection; its settings are `[sources.<folder>.<connection>]` of dlt's configuration,
            or one DSN.
        table: Name of the table or view.
        query: In place of `table`: one SELECT in the database's SQL, that only reads.
        tables: The pattern with which `foundation discover` found the table.
        schema: Schema of the table; default: the database's own search path.
        include: One or several columns; only these are read.
        exclude: One or several columns that are not read.
        query_filter: One boolean expression in the database's SQL, over the columns of the table or query.
        chunk_size: Largest number of rows in one Arrow table.
        parallelism: Number of connections that read ranges of a key in parallel.
        partition_on: Column of these ranges; default: the primary key.
        skip_unchanged: A column, for instance `updated_at`. The table is skipped if its number of rows and this
            column's largest value are the same as at the last load.
        merge_on_key: Merge on the table's primary key, if it has one.
        deleted: What happens to rows of the warehouse whose keys the table has no more: `hard`, `soft`, or
            {mode, at_most, scope}. Default: nothing.
        first_load_rows: Number of rows of one part of the first load; each part is committed by itself, and a run
            that is killed continues after it. Default: the first load is one.
        dialect: SQL dialect, if the settings do not name one; an error if they name another one.

    Returns:
        The resource of the table; it yields Arrow tables.

    Raises:
        FoundationError: The table cannot be read; the message gives the reason.
        ConnectionError: The database cannot be reached, or the connection was lost.
    """
    # SQLAlchemy is imported only when a table is read.
    from data_foundation.readers.sql.table_reader import find_key_hints, read_table  # noqa: PLC0415

    given = {"table": table, "query": query, "tables": tables, "schema": schema, "merge_on_key": merge_on_key}
    if problem := next(find_problems_of_query(given), None):
        raise EntryError(problem)
    folder = Container()[ConfigSectionContext].source_section()
    source = find_connection(folder, connection, dialect)
    arguments = TableArguments(
        folder=folder, schema=schema, table=table, tables=tables, include=include, exclude=exclude,
        query_filter=query_filter, chunk_size=chunk_size, parallelism=parallelism, partition_on=partition_on,
        skip_unchanged=skip_unchanged, deleted=read_deleted(deleted),
        first_load_rows=first_load_rows, query=query,
    )  # fmt: skip
    hints = find_key_hints(source, arguments) if merge_on_key else {}
    made: DltResource = dlt.resource(read_table, name=table or "query", **hints)(source, arguments, merges=bool(hints))
    return made
