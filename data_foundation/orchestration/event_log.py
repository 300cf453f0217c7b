"""Dagster's event log in SQLite, with engines, connections and table look-ups cached between events."""

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
"""Files that a log keeps open: the index, and the file of the run that was accessed last."""


class KeptSqliteEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log with open connections; the files are the same, so either class reads them.

    Dagster 1.13.27 creates a SQLAlchemy engine for each access, three for an event of an asset. Each engine compiles
    the same statements again, and queries which tables and columns exist. Closing the last connection of a file makes
    SQLite write the journal to the file, flush it to disk and delete the journal, each time. `dagster.yaml` names this
    class under `event_log_storage`.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Opens no file yet.

        Args:
            base_dir: The folder of the files.
            inst_data: The configuration of this class in `dagster.yaml`.
        """
        self._existing: set[str] = set()
        self._open: dict[str, db.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    @override
    def config_type(cls) -> UserConfigSchema:
        """Returns the schema of the configuration: `home`, the folder of `DAGSTER_HOME`."""
        return {"home": StringSource}

    @classmethod
    @override
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Returns the log in the folder that Dagster uses by default below `home`."""
        return cls(str(Path(config_value["home"], "history", "runs")), inst_data)

    @override
    def has_table(self, table_name: str) -> bool:
        return self._exists(f"table {table_name}", partial(self._find_table, table_name))

    @override
    def has_secondary_index(self, name: str) -> bool:
        return self._exists(f"index {name}", partial(super().has_secondary_index, name))

    @override
    def has_asset_key_col(self, column_name: str) -> bool:
        return self._exists(f"column {column_name}", partial(super().has_asset_key_col, column_name))

    @override
    def _has_asset_key_col_on_connection(self, conn: db.Connection, column_name: str) -> bool:
        query = partial(super()._has_asset_key_col_on_connection, conn, column_name)
        return self._exists(f"column {column_name}", query)

    def _exists(self, name: str, query: Callable[[], bool]) -> bool:
        """Returns whether a table, index or column exists; a positive answer is cached, as none is ever dropped."""
        if name not in self._existing and query():
            self._existing.add(name)
        return name in self._existing

    def _find_table(self, name: str) -> bool:
        # Not through `_connect`: this is called while a connection of the log is open, whose lock it would wait for.
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
        """Keeps the file open, and closes the files accessed longest ago if more than MOST_OPEN are open."""
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
        """Stores an event, and notifies processes that watch the file."""
        super().store_event(event)
        # SQLite writes to the journal while the file is open, so the file itself would not change for its watchers.
        with suppress(FileNotFoundError):
            os.utime(self.path_for_shard(event.run_id))

    @override
    def wipe(self) -> None:
        """Removes all events and the files of runs, after closing every connection that this process has to them."""
        self._close()
        _engine.cache_clear()
        super().wipe()

    @override
    def dispose(self) -> None:
        self._close()
        super().dispose()


@lru_cache(maxsize=32)
def _engine(address: str, process: int) -> db.Engine:
    """Returns the engine of a file, which keeps one connection open for the next access.

    Keyed by `process`, because a forked process must not use a connection that it inherited. Any thread may use the
    engine, one at a time.
    """
    del process
    connect_args = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    return db.create_engine(address, poolclass=db.QueuePool, pool_size=1, connect_args=connect_args)
