"""One DuckDB of this process for each lake, which has the lake attached while somebody uses it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory
from data_foundation.warehouses.ducklake.extensions import load_extensions
from data_foundation.warehouses.ducklake.locks import catalogue_lock
from data_foundation.warehouses.ducklake.place import ALIAS, Place

ATTEMPTS = 5
"""How often a new catalogue is attached: of several machines that create its tables at once, all but one fail."""


class AttachedLake:
    """A DuckDB in memory that has a lake attached as long as somebody uses it.

    To load the extensions takes a second, so the DuckDB stays. The lake does not: a catalogue that was restored from a
    backup meanwhile would be read from what DuckLake remembers of it.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._guard = threading.Lock()
        self._users = 0
        self._database: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def used(self) -> Iterator[AttachedLake]:
        """Keeps the lake attached until the block ends.

        Raises:
            WarehouseError: The catalogue or the files cannot be opened.
        """
        with self._guard:
            if not self._users:
                self._attach()
            self._users += 1
        try:
            yield self
        finally:
            with self._guard:
                self._users -= 1
                if not self._users and self._database:
                    for statement in self._place.detach():
                        self._database.execute(statement)

    def session(self) -> duckdb.DuckDBPyConnection:
        """Returns a new session whose database is the lake."""
        assert self._database  # noqa: S101 - inside of `used`
        session = self._database.cursor()
        session.execute(f"USE {ALIAS}")
        return session

    def _attach(self) -> None:
        if self._database is None:
            database = connect_to_memory()
            load_extensions(database, self._place.extensions)
            for statement in self._place.prepare():
                database.execute(statement)
            self._database = database
        self._place.create_folders()
        for left in reversed(range(ATTEMPTS)):
            try:
                with catalogue_lock(self._place):
                    for statement in self._place.attach():
                        self._database.execute(statement)
            except duckdb.Error as error:
                self._forget()
                if not left or not any(word in str(error) for word in ("already exists", "duplicate key", "locked")):
                    raise explain_attach(error) from None
                time.sleep(0.2)
            else:
                return

    def _forget(self) -> None:
        """Detaches what a failed `_attach` has attached."""
        for statement in self._place.detach():
            try:
                assert self._database  # noqa: S101 - `_attach` has set it
                self._database.execute(statement)
            except duckdb.Error:
                continue


def explain_attach(error: duckdb.Error) -> Exception:
    """Returns the error of a failed ATTACH: the setting at fault, or a `ConnectionError` if a retry may help."""
    message = " ".join(str(error).split())
    if "could not translate host" in message or "Connection refused" in message or "starting up" in message:
        return ConnectionError(f"the catalogue (POSTGRES_HOST, POSTGRES_PORT) cannot be reached: {message}")
    if "DATA_PATH" in message:
        return WarehouseError(f"DUCKLAKE_DATA: the catalogue has its files elsewhere; set it to that place: {message}")
    return WarehouseError(f"DUCKLAKE_CATALOG cannot be opened: {message}")


_lakes: dict[tuple[int, str], AttachedLake] = {}


def find_lake(place: Place) -> AttachedLake:
    """Returns the DuckDB of a lake, shared by all threads of this process; a forked process gets its own."""
    key = os.getpid(), place.identity
    return _lakes.get(key) or _lakes.setdefault(key, AttachedLake(place))
