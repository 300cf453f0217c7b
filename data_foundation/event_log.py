"""Dagster's event log in SQLite, with what it prepares for a file kept from one event to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
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
    each engine compiles the same statements anew: a seventh of the CPU of a run of many small loads. `dagster.yaml`
    names this class under `event_log_storage`.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Takes the folder of the files.

        Args:
            base_dir: It.
            inst_data: What Dagster was told of this log.
        """
        self._tables: set[str] = set()
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
        """Tells whether the index has a table: one that was there once is not asked for again."""
        if table_name not in self._tables:
            # Asked while a connection of the log's own is open: that one holds its lock.
            with _engine(self.conn_string_for_shard(INDEX_SHARD_NAME)).connect() as connection:
                if not connection.dialect.has_table(connection, table_name):
                    return False
            self._tables.add(table_name)
        return True

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
