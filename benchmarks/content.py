"""Content of tables as hashes, independent of the order of rows, so that results of sides can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import duckdb

PART = 10
"""Divisor of the part that is also hashed alone; a side that loads only this part is compared with it."""


def read_content(database: Path | None, size: int, queries: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Returns count and hash of the rows that each query finds, for all rows and for the first tenth.

    Args:
        database: A DuckDB file; None if the queries name files themselves.
        size: Number of rows of the side; their `id` starts at 0.
        queries: Queries by a name that all sides share. One column is an `id`; the others are cast to types that keep
            the values of all sides. Columns that only one side adds are left out.
    """
    with closing(_connect(database)) as connection:
        return {
            f"{name} below {cut:,}": _hash(connection, f"FROM ({query}) WHERE id < {cut}")
            for name, query in queries.items()
            for cut in {size, size // PART or size}
        }


def read_types(database: Path | None, table: str) -> dict[str, str]:
    """Returns the type of every column of a table, for instance `raw.rows`, except columns added by dlt."""
    with closing(_connect(database)) as connection:
        described = connection.sql(f"DESCRIBE FROM {table}").fetchall()
    return {name: kind for name, kind, *_ in described if not name.startswith("_dlt")}


def casts(columns: Mapping[str, str]) -> str:
    """Returns the columns of a SELECT, each cast to its type."""
    return ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns.items())


def but_the_first(queries: Mapping[str, str]) -> dict[str, str]:
    """Returns the same queries without the row with id 0, which one of the sides loses."""
    return {f"{name} but the first": f"FROM ({query}) WHERE id > 0" for name, query in queries.items()}


def _connect(database: Path | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(database), read_only=True) if database else duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _hash(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Returns the number of rows, and the sum of the hashes of the rows and of each column beside its id."""
    columns = [name for name, *_ in connection.sql(f"DESCRIBE {query}").fetchall()]
    sums = ", ".join(f'sum(hash(id, "{name}"))' for name in columns)
    found = connection.sql(f"SELECT count(*), sum(hash(*COLUMNS(*))), {sums} FROM ({query})").fetchone()  # noqa: S608 - our own
    assert found  # noqa: S101 - an aggregate has a row
    return dict(zip(["count", "rows", *columns], map(str, found), strict=True))
