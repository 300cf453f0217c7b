"""Whose turn it is to use a DuckDB file: processes go by a lock beside it, threads of one hand the open file over."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import duckdb
from filelock import FileLock

TURN_SECONDS = 2.0
"""How long threads of one process may hand the file over to each other before other processes get their chance."""

GAP_SECONDS = 0.1
"""How long the file is left alone then: a process that waits for the lock looks every 0.05 s."""


class DuckDBFile:
    """A file as this process uses it: by one thread at a time, and open for as long as a thread waits for it.

    To open and to close a file costs as much as to write ten rows to it, so the next thread takes over what is open.
    Nobody keeps a file that nobody waits for.
    """

    def __init__(self, path: str) -> None:
        self._turn = threading.Lock()
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._counting = threading.Lock()
        self._waiting = 0
        self._locked_at = self._free_from = 0.0

    def take(self, seconds: float) -> None:
        """Waits until no other thread and no other process of ours uses the file.

        Args:
            seconds: How long at most.

        Raises:
            TimeoutError: They still do.
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
        """Returns the connection that the thread before has left open, or one that `connect` opens."""
        self._connection = self._connection or connect()
        return self._connection

    def close(self) -> None:
        """Closes what the thread before has left open."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def leave(self, *, hand_over: bool) -> None:
        """Lets the next one take the file.

        Args:
            hand_over: It may stay open for another thread of this process; not after an error, whatever that left.
        """
        try:
            if not (hand_over and self._waiting and time.monotonic() < self._locked_at + TURN_SECONDS):
                self._release_lock()
        finally:
            self._turn.release()

    def _take_lock(self, deadline: float) -> None:
        if not self._lock.is_locked:
            time.sleep(max(0.0, self._free_from - time.monotonic()))
            self._lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
            self._locked_at = time.monotonic()

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
    """Returns the file at `path` as all threads of this process share it; a process that was forked begins anew."""
    key = os.getpid(), os.path.realpath(path)
    return _files.get(key) or _files.setdefault(key, DuckDBFile(key[1]))
