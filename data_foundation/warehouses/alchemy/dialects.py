"""What only one database of SQLAlchemy has: how its sessions begin, its types are spelled, and its tables change."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from typing_extensions import override

from data_foundation.errors import WarehouseError

LOCK_WAIT_SECONDS = 600
RETRY_SECONDS = 0.05
IS_LOAD = "is_load"
"""Key of `Connection.info`, True while a load begins its transaction."""

IDLE_SECONDS = 900
"""A server ends a session without a statement for this long, and with it the locks of a machine that is gone."""


_SPELLINGS: Mapping[str, str] = {
    "INTEGER": "INT",
    "BOOL": "TINYINT(1)",
    "JSON": "LONGTEXT",
    "DATETIME(0)": "DATETIME",
    "TIME(0)": "TIME",
}
"""Types of MariaDB and MySQL that have two spellings."""


class Dialect:
    """A database whose own statements are not known here: dlt's and SQLAlchemy's are used.

    Attributes:
        ddl_commits: True if a statement that changes a table's definition commits the open transaction.
        random_id: SQL for an id that no other row has, "" if it is not known.
    """

    ddl_commits: ClassVar[bool] = True
    random_id: ClassVar[str] = ""

    def prepare(self, engine: sa.Engine) -> None:
        """Prepares every session of an engine; called once, before the first."""

    def spell(self, kind: str) -> str:
        """Returns a type as every spelling of it is compared."""
        return kind.upper().replace(" ", "")

    def can_alter(self) -> bool:
        """Returns whether a column's type can be changed in place."""
        return False

    def alter(self, table: str, column: str, kind: str) -> str:
        """Returns the statement that gives a column a type, and lets it have no value.

        Args:
            table: The table's quoted name.
            column: The column's quoted name.
            kind: The type.
        """
        return f"ALTER TABLE {table} ALTER COLUMN {column} {kind}"

    def create_database(self, name: str) -> str | None:
        """Returns the statement that creates a dataset by its quoted name; None for the one of SQLAlchemy."""
        del name
        return None


class MySQL(Dialect):
    """MariaDB and MySQL, whose statements that change a table's definition commit."""

    ddl_commits: ClassVar[bool] = True
    random_id: ClassVar[str] = "MD5(CONCAT(UUID(), RAND()))"

    SESSION: ClassVar[Mapping[str, str]] = {
        # Without it, values that do not fit are cut or changed, and a backslash in a text might be none.
        "sql_mode": "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'",
        "time_zone": "'+00:00'",
        # Tables of other engines have no transactions.
        "default_storage_engine": "InnoDB",
        "innodb_lock_wait_timeout": str(LOCK_WAIT_SECONDS),
        "lock_wait_timeout": str(LOCK_WAIT_SECONDS),
        "wait_timeout": str(IDLE_SECONDS),
    }

    @override
    def prepare(self, engine: sa.Engine) -> None:
        statement = "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in self.SESSION.items())

        @sa.event.listens_for(engine, "connect")
        def set_session(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

    @override
    def spell(self, kind: str) -> str:
        kind, _, collation = kind.upper().partition(" COLLATE ")
        kind = kind.partition(" CHARACTER SET")[0].replace(" ", "")
        kind = re.sub(r"^((?:BIG|SMALL|MEDIUM)?INT|TINYINT(?!\(1\)))\(\d+\)", r"\1", kind)
        kind = _SPELLINGS.get(kind, kind.replace("NUMERIC", "DECIMAL"))
        # Another collation takes two keys for one.
        return kind if not collation or collation.endswith("_BIN") else f"{kind} COLLATE {collation}"

    @override
    def can_alter(self) -> bool:
        return True

    @override
    def alter(self, table: str, column: str, kind: str) -> str:
        return f"ALTER TABLE {table} MODIFY COLUMN {column} {kind} NULL"

    @override
    def create_database(self, name: str) -> str | None:
        return f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4"


class SQLite(Dialect):
    """SQLite: a file for each dataset, attached to the session."""

    ddl_commits: ClassVar[bool] = False
    random_id: ClassVar[str] = "lower(hex(randomblob(16)))"

    @override
    def prepare(self, engine: sa.Engine) -> None:
        @sa.event.listens_for(engine, "connect")
        def leave_transactions_to_sqlalchemy(connection: Any, _record: Any) -> None:
            # Python's driver would begin one at its own choice.
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            # IMMEDIATE: two loads would else both read, and one fail when it writes.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get(IS_LOAD) else "BEGIN")

    @override
    def spell(self, kind: str) -> str:
        # dlt gives keys a length, which a copied table's columns do not have; SQLite does not look at it.
        return re.sub(r"^(?:VARCHAR|CHAR|TEXT)(?:\(\d+\))?$", "TEXT", super().spell(kind))

    @override
    def alter(self, table: str, column: str, kind: str) -> str:
        return f"CREATE TABLE ... AS SELECT ..., CAST({column} AS {kind}) AS {column} FROM {table}"  # noqa: S608 - advice


def write_ahead(connection: sqlite3.Connection, dataset: str) -> None:
    """Sets that the file of a dataset is written ahead, so that its readers do not wait for a load.

    Of two processes that set it for a new file at once, SQLite refuses one, whatever its `busy_timeout`.

    Args:
        connection: A connection outside of a transaction.
        dataset: The quoted name of the attached file.
    """
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {dataset}.journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


_KNOWN: Mapping[str, type[Dialect]] = {"mysql": MySQL, "mariadb": MySQL, "sqlite": SQLite}


def find_dialect(name: str) -> Dialect:
    """Returns what is known of a database by SQLAlchemy's name of its dialect.

    Raises:
        WarehouseError: The database has an engine of its own here.
    """
    if own := {"postgresql": "postgres", "duckdb": "duckdb", "snowflake": "snowflake"}.get(name):
        message = f"WAREHOUSE=sqlalchemy: got a {name} database; set WAREHOUSE={own}, which keeps more promises"
        raise WarehouseError(message)
    return _KNOWN.get(name, Dialect)()
