"""Phases of a load into a large table, in DuckDB and in PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.growing import IS_FIRST
from benchmarks.growing.server import open_cursor, read_pages
from benchmarks.measure import SET_UP

VALUES = {"id": "n", "state": "'old ' || (n % 1000)", "amount": "n * 0.5", "_dlt_valid_from": "TIMESTAMP '2024-01-01'"}
"""The rows of the table, by column; `n` counts from 0."""


def measure_duckdb(folder: Path, side: str, size: int) -> Generator[str, None, Any]:
    """Yields when the table has its rows, and when the load has ended."""
    path = folder / "data" / "warehouse.duckdb"
    _load(folder, side, {IS_FIRST: "1"})
    with closing(duckdb.connect(str(path))) as connection:
        fill = _fill(connection.execute(f"DESCRIBE raw.{side}").fetchall(), f"raw.{side}")
        connection.execute(f"{fill} FROM range({size}) AS numbers(n)")
    yield SET_UP
    shown = _load(folder, side)
    yield "load"
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return _outcome(side, connection.execute(_TABLE.format(f"raw.{side}")).fetchall(), shown)


def measure_vault(folder: Path, size: int) -> Generator[str, None, Any]:
    """The same of a load into a vault in DuckDB, whose hub and satellite have the keys of the table."""
    path = folder / "data" / "warehouse.duckdb"
    _load(folder, "vault", {IS_FIRST: "1"})
    with closing(duckdb.connect(str(path))) as connection:
        found = connection.execute(_KEYED).fetchall()
        tables = {"hub" if is_hub else "satellite": f"raw.{name}" for name, is_hub in found}
        for table in tables.values():
            fill = _fill(connection.execute(f"DESCRIBE {table}").fetchall(), table, anyone=True)
            connection.execute(f"{fill} FROM range({size}) AS numbers(n)")
    yield SET_UP
    shown = _load(folder, "vault")
    yield "load"
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return _outcome("vault", [(0, len(connection.table(tables["hub"])), 0)], shown)


def measure_postgres(folder: Path, size: int, table: str = "ours") -> Generator[str, None, Any]:
    """The same of our load into PostgreSQL; also shows the pages that the server has read, in MiB."""
    environment, name = {"WAREHOUSE": "postgres"}, f"raw.{table}"
    _load(folder, "postgres", {IS_FIRST: "1", **environment})
    with open_cursor() as cursor:
        cursor.execute(_COLUMNS, (table,))
        fill = _fill(cursor.fetchall(), name)
        cursor.execute(f"{fill} FROM generate_series(0, {size - 1}) AS n")
        cursor.execute(f"VACUUM ANALYZE {name}")
        before = read_pages(cursor)
    yield SET_UP
    shown = _load(folder, "postgres", environment)
    yield "load"
    with open_cursor() as cursor:
        shown["MiB of pages"] = read_pages(cursor) - before
        cursor.execute(_TABLE.format(name))
        return _outcome(table, cursor.fetchall(), shown)


def measure_floor(folder: Path, size: int) -> Generator[str, None, Any]:
    """The same of a MERGE by hand, in DuckDB."""
    path = folder / "floor.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(f"CREATE SCHEMA raw; {_CREATE.format('raw.ours')}")
        fill = _fill(connection.execute("DESCRIBE raw.ours").fetchall(), "raw.ours")
        connection.execute(f"{fill} FROM range({size}) AS numbers(n)")
    yield SET_UP
    shown = _load(folder, "floor")
    yield "load"
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return _outcome("floor", connection.execute(_TABLE.format("raw.ours")).fetchall(), shown)


def measure_postgres_floor(folder: Path, size: int) -> Generator[str, None, Any]:
    """The same of a MERGE by hand, in PostgreSQL, into a table with an index on its key."""
    with open_cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA floor; {_CREATE.format('floor.ours')}; CREATE INDEX ON floor.ours (id)")
        columns = [[name] for name in ("id", "state", "amount", "_dlt_load_id", "_dlt_id")]
        cursor.execute(f"{_fill(columns, 'floor.ours')} FROM generate_series(0, {size - 1}) AS n")
        cursor.execute("VACUUM ANALYZE floor.ours")
        before = read_pages(cursor)
    yield SET_UP
    shown = _load(folder, "postgres_floor")
    yield "load"
    with open_cursor() as cursor:
        shown["MiB of pages"] = read_pages(cursor) - before
        cursor.execute(_TABLE.format("floor.ours"))
        return _outcome("floor", cursor.fetchall(), shown)


_CREATE = (
    "CREATE TABLE {0} (id BIGINT NOT NULL, state VARCHAR, amount DOUBLE PRECISION, _dlt_load_id VARCHAR, "
    "_dlt_id VARCHAR); INSERT INTO {0} VALUES (-1, 'first', 0.5, '1', 'first')"
)
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'raw' AND table_name = %s"
_KEYED = (
    "SELECT table_name, bool_or(column_name = 'business_key') FROM duckdb_columns() GROUP BY table_name "
    "HAVING bool_or(column_name = '_hash_key')"
)
_OF_VAULT = {
    "_hash_key": "left(sha256(concat(length(n::VARCHAR), ':', n, ';')), 32)",
    "_row_hash": "md5(n::VARCHAR)",
    "business_key": "n::VARCHAR",
}
_TABLE = "SELECT COUNT(*), COUNT(DISTINCT id), SUM(CASE WHEN state IN ('changed', 'new') THEN amount END) FROM {}"


def _fill(columns: Sequence[Sequence[Any]], table: str, *, anyone: bool = False) -> str:
    """Returns the beginning of the INSERT of the rows; other columns get the values of the row that is there.

    Args:
        columns: The columns of the table, the name first.
        table: The table.
        anyone: Whether the table has no other row, and may lack an id.
    """
    values = {**VALUES, "_dlt_id": "substr(md5(CAST(n AS VARCHAR)), 1, 14)", "_dlt_valid_to": "NULL", **_OF_VAULT}
    names, first = [str(column[0]) for column in columns], "LIMIT 1" if anyone else "WHERE id = -1"
    chosen = [values.get(name, f"(SELECT {name} FROM {table} {first})") for name in names]  # noqa: S608 - constants
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(chosen)}"


def _load(folder: Path, side: str, settings: dict[str, str] | None = None) -> dict[str, float]:
    """Runs a load in a process of its own; returns what it prints."""
    command = [sys.executable, "-m", "benchmarks.growing.load", side]
    environment = {**os.environ, **(settings or {})}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    usage: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return usage


def _outcome(side: str, rows: Sequence[Sequence[Any]], shown: dict[str, float]) -> Any:
    """Returns the content of the table, comparable with that of the sides that merge."""
    count, keys, amount = rows[0]
    merges = side in {"ours", "upsert", "floor"}
    content = {"keys": str(keys), **({"rows": str(count), "amount": str(float(amount))} if merges else {})}
    return {"content": content, "shown": {name: round(value, 1) for name, value in shown.items()}}
