"""Lets only the owner read Dagster's files below DAGSTER_HOME, which Dagster creates as the umask allows."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

FOLDERS = ("history", "schedules", "storage", "logs")
"""Folders of Dagster's instance with events, runs, schedules, values and compute logs."""

_OWNER, _OWNERS_FOLDER = 0o600, 0o700


def keep_private(home: str, run_id: str = "") -> None:
    """Closes the folders of an instance to others, and each SQLite file in them from its first connection on.

    Args:
        home: The folder of the instance.
        run_id: The run whose compute logs are closed as well.
    """
    root = Path(home)
    _watched.add(root.resolve())
    _watch()
    for name in FOLDERS:
        with suppress(OSError):  # another user's, or not there yet
            (root / name).mkdir(mode=_OWNERS_FOLDER, exist_ok=True)
            (root / name).chmod(_OWNERS_FOLDER)
    logs = (root / "storage" / run_id).rglob("*") if run_id else ()
    for file in (*_databases(root), *logs):
        _close(file)


def _databases(root: Path) -> list[Path]:
    return [file for name in FOLDERS[:2] for file in (root / name).rglob("*.db*") if file.stat().st_mode & 0o077]


def _close(file: Path) -> None:
    with suppress(OSError):
        file.chmod(_OWNERS_FOLDER if file.is_dir() else _OWNER)


@cache
def _watch() -> None:
    """Adds one listener for the whole process: SQLAlchemy walks its listeners without a lock when a thread connects."""
    event.listen(Engine, "connect", _close_connected)


def _close_connected(connection: Any, _record: Any) -> None:
    """Closes a SQLite file of an instance when this process connects to it; the journals have the file's mode."""
    if not isinstance(connection, sqlite3.Connection):
        return
    for _, _, name in connection.execute("PRAGMA database_list"):
        file = Path(name).resolve() if name else None
        if file and not _watched.isdisjoint(file.parents) and file.exists() and file.stat().st_mode & 0o077:
            _close(file)


_watched: set[Path] = set()
"""The folders of the instances whose files are closed."""
