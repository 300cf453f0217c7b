"""The PostgreSQL server of the benchmark, whose address is in the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2


@contextmanager
def open_cursor() -> Iterator[Any]:
    """Yields a cursor whose statements each commit by themselves."""
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
    settings: dict[str, Any] = {name: os.environ[f"POSTGRES_{setting}"] for name, setting in names.items()}
    with closing(psycopg2.connect(**settings)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            yield cursor


def read_pages(cursor: Any) -> float:
    """Returns the pages that all sessions have read so far, in the cache or from the disk, in MiB."""
    cursor.execute("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
    cursor.execute("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")
    return float(cursor.fetchone()[0]) * 8 / 2**10
