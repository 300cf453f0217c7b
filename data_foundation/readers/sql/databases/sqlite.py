"""Reads SQLite files with Python's own driver."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy.dialects import sqlite

from data_foundation.errors import LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.sql.database import Column, Progress, SourceTable
from data_foundation.readers.sql.database_settings import Connection
from data_foundation.readers.sql.databases.python_rows import read_rows
from data_foundation.readers.sql.databases.sqlite_types import make_column
from data_foundation.readers.sql.query import refuse_names
from data_foundation.readers.sql.statement import as_text, missing_table, wanted_of
from data_foundation.sql_text import quote_name

_QUERY = "data_foundation_query"
_NUMBERED = re.compile(r":\d+$")
_BUSY = ("database is locked", "database table is locked")


class SqliteDatabase:
    """A connection to a SQLite file, in one read-only transaction."""

    dialect = "sqlite"
    side_by_side = False

    def __init__(self, connection: Connection) -> None:
        """Opens the file.

        Raises:
            LoadError: There is no such file, or it is not a SQLite database.
        """
        self._connection = connection
        file = Path(connection.database)
        if not file.is_file():
            raise LoadError(f"{connection}: file {file} not found; set `database` to the path of the SQLite file")
        # One thread reads, and another may interrupt it.
        self._sqlite = sqlite3.connect(
            f"file:{quote(str(file.resolve()))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        self._execute("BEGIN")

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes the file."""
        self._sqlite.close()

    def beside(self) -> Self:
        """Returns another connection to the file."""
        return type(self)(self._connection)

    def interrupt(self) -> None:
        """Cancels the running statement; may be called from any thread."""
        self._sqlite.interrupt()

    def tables(self, schema: str | None) -> dict[str, tuple[str, ...]]:
        """Returns every table and view of the file, with its primary key."""
        prefix = f"{quote_name(schema)}." if schema else ""
        found = {name: self._execute(f"PRAGMA {prefix}table_info({quote_name(name)})") for name in self._names(schema)}
        # The last field is the column's place in the key, from 1 on.
        return {name: tuple(row[1] for row in sorted((row for row in rows if row[5]), key=lambda row: row[5]))
                for name, rows in found.items()}  # fmt: skip

    def _names(self, schema: str | None) -> list[str]:
        master = f"{quote_name(schema)}.sqlite_master" if schema else "sqlite_master"
        relations = (
            f"SELECT name FROM {master} WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"  # noqa: S608 - quoted
        )
        return [name for (name,) in self._execute(relations)]

    def describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the table or view; its columns' types come from their declarations and from `sources.yaml`.

        Raises:
            LoadError: There is no such table; the message suggests similar names.
        """
        names = self._names(schema)
        # SQLite compares names without case.
        stored_name = next((name for name in names if name.lower() == table.lower()), None)
        if stored_name is None:
            raise missing_table(self._connection, schema, table, names)
        prefix = f"{quote_name(schema)}." if schema else ""
        return SourceTable(schema, stored_name, tuple(self._columns(prefix, stored_name, wanted)))

    def describe_query(self, query: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the rows of a checked SELECT as a table; an expression has the type of its values.

        Raises:
            LoadError: The database refuses the statement, or its columns have no names of their own.
        """
        # A temporary view knows the declared types; it is in memory, and the file is read only.
        self._execute(f"CREATE TEMP VIEW {quote_name(_QUERY)} AS {query}")
        columns = tuple(self._columns("temp.", _QUERY, wanted))
        names = {column.name for column in columns}
        # SQLite names a second column `id` of a view `id:1`.
        cut = ((column.name, _NUMBERED.sub("", column.name)) for column in columns)
        refuse_names([short if short in names else name for name, short in cut])
        self._execute(f"DROP VIEW temp.{quote_name(_QUERY)}")
        return SourceTable.of_query(query, columns)

    def _columns(self, prefix: str, name: str, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[Column]:
        place = f"{prefix}{quote_name(name)}"

        def stored(column: str) -> set[str]:
            return {kind for (kind,) in self._execute(f"SELECT DISTINCT typeof({quote_name(column)}) FROM {place}")}  # noqa: S608 - quoted

        rows = self._execute(f"PRAGMA {prefix}table_xinfo({quote_name(name)})")
        fields = ("position", "name", "type", "notnull", "default", "pk", "hidden")
        described = [dict(zip(fields, row, strict=True)) for row in rows]
        # 1 is a hidden column of a virtual table, which `SELECT *` leaves out; 2 and 3 are generated columns.
        for one in described:
            if one["hidden"] != 1:
                yield make_column(one, wanted_of(wanted, one["name"]), stored)

    def progress(self) -> Progress | None:
        """Returns None: a file has no replicas."""
        return None

    def row(self, statement: Any) -> tuple[Any, ...]:
        """Returns the first row of a SQLAlchemy SELECT."""
        return tuple(self._execute(_text(statement))[0])

    def read(self, statement: Any, columns: Sequence[Column], chunk_size: int) -> Iterator[Any]:
        """Yields the rows of a SQLAlchemy SELECT as Arrow tables of at most `chunk_size` rows.

        Raises:
            LoadError: The database refuses the statement.
            ValueRefused: A value does not fit the type of its column exactly.
        """
        yield from read_rows(self._pages(_text(statement), chunk_size), columns)

    def _pages(self, statement: str, chunk_size: int) -> Iterator[list[Any]]:
        try:
            with closing(self._sqlite.execute(statement)) as cursor:
                while page := cursor.fetchmany(chunk_size):
                    yield page
        except sqlite3.Error as error:
            raise self._explain(error) from None

    def _execute(self, statement: str) -> list[Any]:
        try:
            return self._sqlite.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise self._explain(error) from None

    def _explain(self, error: sqlite3.Error) -> Exception:
        message = f"{self._connection}: {redact(str(error))}"
        return ConnectionError(message) if str(error) in _BUSY else LoadError(message)


def _text(statement: Any) -> str:
    return as_text(statement, sqlite.dialect())
