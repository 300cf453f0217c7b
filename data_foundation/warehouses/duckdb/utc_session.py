"""DuckDB connections in UTC: a time without a zone means the same on every machine."""

from __future__ import annotations

import time

import duckdb


def in_utc(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Returns `connection` with UTC as the time zone of all its sessions."""
    # Without the statement if the machine is in UTC, as this is part of every load.
    if time.tzname != ("UTC", "UTC"):
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def connect_to_memory() -> duckdb.DuckDBPyConnection:
    """Returns a new in-memory DuckDB in UTC."""
    return in_utc(duckdb.connect(":memory:"))
