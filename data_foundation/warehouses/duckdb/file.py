"""Decides which thread or process may use a DuckDB file: a lock file for processes, a queue for threads."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

TURN_SECONDS = 2.0
"""How long threads of one process may pass the open file on before another process can get it."""

GAP_SECONDS = 0.1
"""How long the file then stays unlocked: a waiting process tries the lock every 0.05 s."""

NOTICE_SECONDS = 1.0
"""How long a process waits for another one before it names it: processes that load at a time take short turns."""


class DuckDBFile:
    """A file that one thread of this process uses at a time, kept open as long as another thread waits for it.

    Opening and closing a file costs as much as writing ten rows to it, so the next thread takes over the open
    connection. Without a waiting thread the file is closed.
    """

    def __init__(self, path: str) -> None:
        self._turn = threading.Lock()
        self._path = path
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._card = Path(f"{path}.holder")
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._counting = threading.Lock()
        self._waiting = 0
        self._locked_at = self._free_from = 0.0

    def take(self, seconds: float) -> None:
        """Waits until no other thread and no other process of this project uses the file.

        Args:
            seconds: The longest time to wait.

        Raises:
            TimeoutError: The file is still in use.
        """
        deadline = time.monotonic() + seconds
        self._count(1)
        try:
            if not self._turn.acquire(timeout=seconds):
                raise TimeoutError
        finally:
            self._count(-1)
        try:
            self._take_lock(deadline)
        except BaseException:
            self._turn.release()
            raise

    def connection(self, connect: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
        """Returns the connection that the previous thread left open, or one that `connect` opens."""
        self._connection = self._connection or connect()
        return self._connection

    def close(self) -> None:
        """Closes the connection that the previous thread left open."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def leave(self, *, hand_over: bool) -> None:
        """Releases the file for the next thread or process.

        Args:
            hand_over: Whether the file may stay open for a waiting thread. Not after an error, which may have left
                the connection in any state.
        """
        try:
            if not (hand_over and self._waiting and time.monotonic() < self._locked_at + TURN_SECONDS):
                self._release_lock()
        finally:
            self._turn.release()

    def describe_holder(self) -> str:
        """Returns which process uses the file, or used it last."""
        try:
            return self._card.read_text(encoding="utf-8") or "another process"
        except OSError:
            return "another process"

    def _take_lock(self, deadline: float) -> None:
        if not self._lock.is_locked:
            time.sleep(max(0.0, self._free_from - time.monotonic()))
            left = max(0.0, deadline - time.monotonic())
            try:
                self._lock.acquire(timeout=min(left, NOTICE_SECONDS))
            except Timeout:
                if left <= NOTICE_SECONDS:
                    raise
                logger.warning("%s: waiting for %s, which uses the file", self._path, self.describe_holder())
                self._lock.acquire(timeout=left - NOTICE_SECONDS)
            self._locked_at = time.monotonic()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            holder = f"process {os.getpid()} on {socket.gethostname()}, since {since}"
            with suppress(OSError):  # the card is for messages; a full disk fails the load itself
                self._card.write_text(holder, encoding="utf-8")

    def _release_lock(self) -> None:
        try:
            self.close()
        finally:
            now = time.monotonic()
            self._free_from = now + GAP_SECONDS if now >= self._locked_at + TURN_SECONDS else now
            self._lock.release()

    def _count(self, change: int) -> None:
        with self._counting:
            self._waiting += change


_files: dict[tuple[int, str], DuckDBFile] = {}


def find_file(path: str) -> DuckDBFile:
    """Returns the file at `path`, shared by all threads of this process; a forked process gets its own."""
    key = os.getpid(), os.path.realpath(path)
    return _files.get(key) or _files.setdefault(key, DuckDBFile(key[1]))
