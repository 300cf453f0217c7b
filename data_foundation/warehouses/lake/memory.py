"""The DuckDB in memory that reads a lake's files and the rows on their way into it."""

from __future__ import annotations

import duckdb


def connect_to_memory() -> duckdb.DuckDBPyConnection:
    """Returns a new in-memory DuckDB whose time zone is UTC, like the times in a lake."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB 1.5 hands pyarrow comparisons of text as string_view, which pyarrow has no kernel for.
    connection.execute("SET disabled_optimizers = 'filter_pushdown,join_filter_pushdown'")
    return connection
