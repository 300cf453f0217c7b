"""Tables of SQL databases: `data_foundation.readers.sql.get_table` is an entry for `sources.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dlt

from data_foundation.readers.sql.database_settings import find_connection


def get_table(  # noqa: PLR0913 - each is a key of `kwargs` in sources.yaml
    connection: str,
    table: str,
    *,
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
    dialect: str | None = None,
) -> Iterator[Any]:
    """One table or view of a SQL database, every value exactly as the database has it.

    The cursor is `incremental` of `sources.yaml`, whose first and last value go into the SELECT.

    Args:
        connection: Its settings are `[sources.<folder>.<connection>]` of dlt's configuration, or one DSN.
        table: Table or view.
        tables: The pattern by which `foundation discover` found the table.
        schema: Where it is, if not where the database looks by itself.
        include: The only columns that are read, one or several.
        exclude: Columns that are not read, one or several.
        query_filter: One boolean expression in the database's SQL.
        chunk_size: Rows handed over at a time, at most.
        parallelism: Connections that read ranges of a key side by side.
        partition_on: The column of these ranges, if not the primary key.
        skip_unchanged: A column whose largest value tells, with the number of rows, that nothing changed.
        merge_on_key: Rows replace those of the same primary key, where the table has one.
        dialect: What the database is, where its settings do not say so; refused where they say otherwise.

    Yields:
        Arrow tables.

    Raises:
        FoundationError: The table cannot be read, and why.
        ConnectionError: The database is away, or was lost.
    """
    from data_foundation.readers.sql.table_reader import TableArguments, read_table  # noqa: PLC0415 - settings need no SQLAlchemy

    resource = dlt.current.resource()
    arguments = TableArguments(
        schema=schema, table=table, tables=tables, include=include, exclude=exclude, query_filter=query_filter,
        chunk_size=chunk_size, parallelism=parallelism, partition_on=partition_on, skip_unchanged=skip_unchanged,
        merge_on_key=merge_on_key,
    )  # fmt: skip
    yield from read_table(find_connection(resource.section, connection, dialect), arguments, resource)
