"""The DuckDBs of this process that have a lake attached, one for each load at a time."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory
from data_foundation.warehouses.ducklake.extensions import load_extensions
from data_foundation.warehouses.ducklake.locks import file_lock
from data_foundation.warehouses.ducklake.place import ALIAS

if TYPE_CHECKING:
    from data_foundation.warehouses.ducklake.place import Place

ATTEMPTS = 5
"""How often a new catalogue is attached: of several machines that create its tables at once, all but one fail."""

_idle: defaultdict[tuple[int, str], list[duckdb.DuckDBPyConnection]] = defaultdict(list)
"""DuckDBs without a lake that have the extensions and secrets of a place, by process and place.

To load the extensions takes a second, so a DuckDB is kept. The lake is attached anew: a catalogue that was restored
from a backup meanwhile would be read from what DuckLake remembers of it.
"""


class AttachedLake:
    """A DuckDB in memory with an attached lake, for one thread.

    DuckLake 1.5.5 ends the process with a fatal error if threads use one DuckDB at once, so each load has its own.
    """

    def __init__(self, place: Place, database: duckdb.DuckDBPyConnection) -> None:
        self._place = place
        self._database = database

    def session(self) -> duckdb.DuckDBPyConnection:
        """Returns a new session whose database is the lake."""
        session = self._database.cursor()
        session.execute(f"USE {ALIAS}")
        return session

    def attach(self) -> None:
        """Attaches the lake.

        Raises:
            WarehouseError: The catalogue cannot be opened, or a new one would be made beside files of another.
            ConnectionError: The server of the catalogue cannot be reached; a retry may help.
        """
        if self._place.has_lost_its_catalogue:
            raise WarehouseError(
                f"DUCKLAKE_CATALOG: {self._place.file} does not exist, and {self._place.data} (DUCKLAKE_DATA) has "
                "files of a catalogue; set it to the path of that one, or DUCKLAKE_DATA to a new folder"
            )
        self._place.create_folders()
        for left in reversed(range(ATTEMPTS)):
            try:
                # Not the lock of loads, which the caller may hold.
                with file_lock(self._place, "attach"):
                    for statement in self._place.attach():
                        self._database.execute(statement)
            except duckdb.Error as error:
                self.detach()
                if not left or not any(word in str(error) for word in ("already exists", "duplicate key", "locked")):
                    raise explain_attach(error) from None
                time.sleep(0.2)
            else:
                return

    def detach(self) -> None:
        """Detaches what is attached."""
        for name in self._place.attached:
            self._database.execute(f"DETACH DATABASE IF EXISTS {name}")


@contextmanager
def attached(place: Place) -> Iterator[AttachedLake]:
    """Yields a lake that is attached until the block ends.

    Raises:
        WarehouseError: The catalogue or an extension cannot be used.
        ConnectionError: The server of the catalogue cannot be reached; a retry may help.
    """
    idle = _idle[os.getpid(), place.identity]
    try:
        database = idle.pop()
    except IndexError:
        database = _prepare(place)
    lake = AttachedLake(place, database)
    clean = False
    try:
        lake.attach()
        yield lake
        lake.detach()
        clean = True
    finally:
        if clean:
            idle.append(database)
        else:
            # An error may have left it in any state.
            database.close()


def _prepare(place: Place) -> duckdb.DuckDBPyConnection:
    """Returns a DuckDB with the extensions and secrets of a place."""
    database = connect_to_memory()
    load_extensions(database, place.extensions)
    for statement in place.prepare():
        database.execute(statement)
    return database


def explain_attach(error: duckdb.Error) -> Exception:
    """Returns the error of a failed ATTACH: the setting at fault, or a `ConnectionError` if a retry may help."""
    message = " ".join(str(error).split())
    if "could not translate host" in message or "Connection refused" in message or "starting up" in message:
        return ConnectionError(f"the catalogue (POSTGRES_HOST, POSTGRES_PORT) cannot be reached: {message}")
    if "DATA_PATH" in message:
        return WarehouseError(f"DUCKLAKE_DATA: the catalogue has its files elsewhere; set it to that place: {message}")
    return WarehouseError(f"DUCKLAKE_CATALOG cannot be opened: {message}")
