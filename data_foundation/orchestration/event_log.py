"""Dagster's event log in SQLite, with what it prepares for a file kept from one event to the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as db
from dagster import EventLogEntry, StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from typing_extensions import override

if TYPE_CHECKING:
    from dagster._config import UserConfigSchema
    from dagster._serdes import ConfigurableClassData

MOST_OPEN = 2
"""Files that a log keeps open: the index, and that of the run which it was last asked for."""


class KeptSqliteEventLog(SqliteEventLogStorage):
    """Dagster's own event log, in its own files: either can read what the other wrote.

    Read in dagster 1.13.27: its own makes an engine of SQLAlchemy for every access, three for an event of an asset, and
    each engine compiles the same statements anew; and it asks its files each time which tables and columns they have.
    Whoever closes a file last has SQLite move what was written from the journal to the file, on the disk, and remove
    the journal: each time, where nobody else has it open. `dagster.yaml` names this class under `event_log_storage`.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Takes the folder of the files.

        Args:
            base_dir: It.
            inst_data: What Dagster was told of this log.
        """
        self._there: set[str] = set()
        self._open: dict[str, db.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    @override
    def config_type(cls) -> UserConfigSchema:
        """Takes `home`: the folder that is `DAGSTER_HOME`."""
        return {"home": StringSource}

    @classmethod
    @override
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Returns the log that Dagster would keep in that folder unless told otherwise."""
        return cls(str(Path(config_value["home"], "history", "runs")), inst_data)

    @override
    def has_table(self, table_name: str) -> bool:
        return self._is_there(f"table {table_name}", partial(self._find_table, table_name))

    @override
    def has_secondary_index(self, name: str) -> bool:
        return self._is_there(f"index {name}", partial(super().has_secondary_index, name))

    @override
    def has_asset_key_col(self, column_name: str) -> bool:
        return self._is_there(f"column {column_name}", partial(super().has_asset_key_col, column_name))

    @override
    def _has_asset_key_col_on_connection(self, conn: db.Connection, column_name: str) -> bool:
        ask = partial(super()._has_asset_key_col_on_connection, conn, column_name)
        return self._is_there(f"column {column_name}", ask)

    def _is_there(self, what: str, ask: Callable[[], bool]) -> bool:
        """Tells what is asked for each event; what was there once is not asked for again: none of it ever goes."""
        if what not in self._there and ask():
            self._there.add(what)
        return what in self._there

    def _find_table(self, name: str) -> bool:
        # Asked while a connection of the log's own is open, which holds the lock that another would wait for.
        with _engine(self.conn_string_for_shard(INDEX_SHARD_NAME), os.getpid()).connect() as connection:
            return bool(connection.dialect.has_table(connection, name))

    @contextmanager
    @override
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard), os.getpid())
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._keep_open(shard, engine)
            with engine.begin() as connection:
                yield connection

    def _keep_open(self, shard: str, engine: db.Engine) -> None:
        """Leaves a file open until others have been asked for."""
        self._open.pop(shard, None)
        self._open[shard] = engine
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._open:
                self._open.popitem()[1].dispose()

    @override
    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event, and has who looks on told of it."""
        super().store_event(event)
        # They watch the file, into which SQLite does not move what it has written as long as it is open.
        with suppress(FileNotFoundError):
            os.utime(self.path_for_shard(event.run_id))

    @override
    def wipe(self) -> None:
        """Removes every event, and the files of runs: none of them is to be open, whoever of this process opened it."""
        self._close()
        _engine.cache_clear()
        super().wipe()

    @override
    def dispose(self) -> None:
        self._close()
        super().dispose()


@lru_cache(maxsize=32)
def _engine(address: str, process: int) -> db.Engine:
    """Returns what knows how to talk to one file, with one connection left open for the next access.

    A connection that a forked process has inherited is not to be used, so each `process` has its own. Any thread may
    use it, but one at a time.
    """
    del process
    told = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    return db.create_engine(address, poolclass=db.QueuePool, pool_size=1, connect_args=told)
