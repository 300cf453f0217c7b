"""The in-memory DuckDB that reads a lake's files and the rows of a load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_foundation.warehouses.duckdb import utc_session

if TYPE_CHECKING:
    import duckdb


def connect_to_memory() -> duckdb.DuckDBPyConnection:
    """Returns a new in-memory DuckDB in UTC that can query pyarrow datasets."""
    connection = utc_session.connect_to_memory()
    # DuckDB 1.5 pushes comparisons of text down to pyarrow as string_view, which pyarrow cannot compare.
    connection.execute("SET disabled_optimizers = 'filter_pushdown,join_filter_pushdown'")
    return connection
