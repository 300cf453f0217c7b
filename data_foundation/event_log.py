"""Dagster's event log in SQLite, with what it prepares for a file kept from one event to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy as db
from dagster import StringSource
from dagster._config import UserConfigSchema
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData


class KeptSqliteEventLog(SqliteEventLogStorage):
    """Dagster's own event log, in its own files: either can read what the other wrote.

    Read in dagster 1.13.27: its own makes an engine of SQLAlchemy for every access, three for an event of an asset, and
    each engine compiles the same statements anew; and it asks its files each time which tables and columns they have.
    That was a sixth of the CPU of a run of many small loads. `dagster.yaml` names this class under `event_log_storage`.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Takes the folder of the files.

        Args:
            base_dir: It.
            inst_data: What Dagster was told of this log.
        """
        self._there: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Takes `home`: the folder that is `DAGSTER_HOME`."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Returns the log that Dagster would keep in that folder unless told otherwise."""
        return cls(str(Path(config_value["home"], "history", "runs")), inst_data)

    def has_table(self, table_name: str) -> bool:
        """Tells whether the index has a table."""
        return self._is_there(f"table {table_name}", partial(self._find_table, table_name))

    def has_secondary_index(self, name: str) -> bool:
        """Tells whether Dagster has completed one of its migrations."""
        return self._is_there(f"index {name}", partial(super().has_secondary_index, name))

    def has_asset_key_col(self, column_name: str) -> bool:
        """Tells whether the table of asset keys has a column."""
        return self._is_there(f"column {column_name}", partial(super().has_asset_key_col, column_name))

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
        with _engine(self.conn_string_for_shard(INDEX_SHARD_NAME)).connect() as connection:
            return bool(connection.dialect.has_table(connection, name))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection


@lru_cache(maxsize=32)
def _engine(address: str) -> db.Engine:
    """Returns what knows how to talk to one file; connections are opened for each access, as ever."""
    return db.create_engine(address, poolclass=db.NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
