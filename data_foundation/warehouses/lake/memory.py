"""The DuckDB in memory that reads a lake's files and the rows on their way into it."""

from __future__ import annotations

import duckdb

from data_foundation.warehouses.duckdb.utc_session import in_utc


def connect_to_memory() -> duckdb.DuckDBPyConnection:
    """Returns a new in-memory DuckDB whose time zone is UTC, like the times in a lake."""
    connection = in_utc(duckdb.connect(":memory:"))
    # DuckDB 1.5 hands pyarrow comparisons of text as string_view, which pyarrow has no kernel for.
    connection.execute("SET disabled_optimizers = 'filter_pushdown,join_filter_pushdown'")
    return connection
