"""Phases of a run that finds no new rows, and the comparison of the tables that two sides left."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from benchmarks.content import read_content
from benchmarks.measure import SET_UP
from benchmarks.unchanged import table_names
from benchmarks.unchanged.rows import NOTHING_NEW, ROWS

DDL = {"CREATE", "ALTER", "DROP", "TRUNCATE"}


def measure_unchanged(run: Callable[[], None], database: Path, size: int) -> Generator[str, None, Any]:
    """Yields when all rows are loaded and the process is warm, and when a run has found no new rows.

    The statements are counted in a further run, because DuckDB's query log takes time itself.
    """
    run()
    os.environ[NOTHING_NEW] = "1"
    run()
    yield SET_UP
    run()
    yield "warm"
    with _logged_statements(database.with_name("log")) as statements:
        run()
    verbs = Counter(statement.split(maxsplit=1)[0].upper() for statement in statements)
    shown = {
        "statements": verbs.total(),
        "DDL statements": sum(verbs[verb] for verb in DDL),
        "verbs": dict(verbs.most_common()),
    }
    query = "SELECT id::BIGINT AS id, name, updated_at::TIMESTAMPTZ AS updated_at FROM raw.{}"
    queries = {table: query.format(table) for table in table_names(size)}
    return {"content": read_content(database, ROWS, queries), "shown": shown}


@contextmanager
def _logged_statements(folder: Path) -> Iterator[list[str]]:
    """Yields a list that contains, after the block, every statement sent over connections opened in it."""
    connect = duckdb.connect

    def connect_logged(*args: Any, **kwargs: Any) -> duckdb.DuckDBPyConnection:
        connection = connect(*args, **kwargs)
        number = sum(1 for _ in folder.parent.glob(f"{folder.name}*"))
        connection.execute(f"CALL enable_logging('QueryLog', storage='file', storage_path='{folder}{number}')")
        return connection

    statements: list[str] = []
    with patch.object(duckdb, "connect", connect_logged):
        yield statements
    for file in folder.parent.glob(f"{folder.name}*/duckdb_log_entries.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            statements += [line["message"] for line in csv.DictReader(lines) if line["message"].strip()]
