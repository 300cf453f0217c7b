"""Decides which load is next. No promise hangs on it: DuckLake refuses a load that has lost its lock, at its commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from data_foundation.errors import WarehouseBusy
from data_foundation.warehouses.ducklake.place import CATALOGUE
from data_foundation.warehouses.fence import lock_number

if TYPE_CHECKING:
    import duckdb

    from data_foundation.warehouses.ducklake.place import Place

WAIT_SECONDS = 600.0
"""How long a load waits for others."""


@contextmanager
def catalogue_lock(place: Place) -> Iterator[None]:
    """Excludes other writers of a catalogue in SQLite, which allows one at a time; waits for them.

    Raises:
        WarehouseBusy: After `WAIT_SECONDS`.
    """
    with file_lock(place, "load"):
        yield


@contextmanager
def file_lock(place: Place, purpose: str) -> Iterator[None]:
    """Excludes other processes and threads that do the same with a catalogue in SQLite; waits for them.

    Args:
        place: Where the lake is; does nothing if its catalogue is on a server.
        purpose: What is done, as part of the name of the lock's file.

    Raises:
        WarehouseBusy: After `WAIT_SECONDS`.
    """
    if not place.file:
        yield
        return
    lock = FileLock(f"{place.file}.{purpose}.lock", thread_local=False)
    try:
        lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        message = f"{place.file} was in use by another run for more than {WAIT_SECONDS:g} s; wait for it, or stop it"
        raise WarehouseBusy(message) from None
    try:
        yield
    finally:
        lock.release()


def take_advisory_locks(session: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Takes locks of the PostgreSQL server with the catalogue, and waits for those that another load holds.

    Args:
        session: A session of its own, whose transaction holds them until it is closed.
        names: The locks, in the order in which they are taken.
    """
    session.begin()
    locks = [f"SELECT pg_advisory_xact_lock({lock_number(name)})::text" for name in names]
    for query in (f"SELECT set_config('lock_timeout', '{WAIT_SECONDS:g}s', true)", *locks):
        session.execute("FROM postgres_query(?, ?)", (CATALOGUE, query)).fetchall()
