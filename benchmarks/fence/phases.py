"""Phases of runs on PostgreSQL, whose statements the server counts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from benchmarks.fence import SERVER_LOG, TURN, table_names
from benchmarks.growing.server import open_cursor
from benchmarks.measure import SET_UP
from data_foundation.local.run import JobStatus, run_sources

RUNS = 3
"""Runs of each phase that is timed."""


def measure_runs(folder: Path, size: int) -> Generator[str, None, Any]:
    """Yields when the tables are there and the process is warm, after runs with nothing new, and after changes.

    The statements are counted in further runs, because a log takes time itself.
    """
    turn = 0

    def run(*, changes: bool) -> None:
        nonlocal turn
        turn += changes
        os.environ[TURN] = str(turn)
        results = run_sources(root=folder)
        if [result.status for result in results] != [JobStatus.LOADED] * size:
            raise RuntimeError(results)

    os.environ["POSTGRES_DATABASE"] = create_database()
    for changes in (True, False, True):
        run(changes=changes)
    yield SET_UP
    for _ in range(RUNS):
        run(changes=False)
    yield "nothing new"
    for _ in range(RUNS):
        run(changes=True)
    yield "changed"
    shown = {
        "statements, nothing new": _count_statements(lambda: run(changes=False)),
        "statements, changed": _count_statements(lambda: run(changes=True)),
    }
    with open_cursor() as cursor:
        content = {}
        for table in table_names(size):
            cursor.execute(f"SELECT COUNT(*), MIN(turn), MAX(turn) FROM raw.{table}")  # noqa: S608 - a constant name
            content[table] = cursor.fetchone()
    return {"content": content, "shown": shown}


def create_database() -> str:
    """Returns the name of a new database."""
    name = f"fence_{os.getpid()}"
    with open_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return name


def _count_statements(run: Callable[[], None]) -> int:
    """Returns the number of statements that a run sends to the server."""
    name, log = os.environ["POSTGRES_DATABASE"], Path(os.environ[SERVER_LOG])
    with open_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    before = log.stat().st_size
    run()
    with open_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET log_statement")
    with log.open("rb") as lines:
        lines.seek(before)
        logged = re.findall(rb"^.*LOG:  statement: (.*)", lines.read(), re.MULTILINE)
    return sum(b" RESET log_statement" not in statement for statement in logged)
