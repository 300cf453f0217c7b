"""Reads PostgreSQL through ADBC: a binary COPY that arrives as Arrow batches, in constant memory."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote, urlencode

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from data_foundation.errors import EntryError, LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.sql.database import Column, Progress, SourceTable
from data_foundation.readers.sql.database_settings import LOOPBACK, Connection
from data_foundation.readers.sql.databases.arrow_casts import exact_table
from data_foundation.readers.sql.databases.postgres_types import make_column
from data_foundation.readers.sql.query import refuse_names
from data_foundation.readers.sql.statement import as_text, missing_table, wanted_of
from data_foundation.sql_text import quote_name, quote_text

_SESSION = (
    # All reads see one snapshot, and writing is impossible.
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    # The text form of a value must not depend on the server's settings.
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL standard_conforming_strings = on",
    "SET LOCAL bytea_output = 'hex'",
)
_RELATIONS = """
SELECT c.oid::int8, n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND {schema} ORDER BY c.oid
"""
# A partition is read with its parent table.
_PRIMARY_KEYS = """
SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition AND {schema}
ORDER BY c.relname, array_position(i.indkey::int2[], a.attnum)
"""
_OF_TABLE = """
    SELECT a.attnum, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS declared,
        NOT a.attnotnull AS nullable, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
        t.typname, t.typtype, t.typcategory, t.typbasetype
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
"""
_OF_QUERY = """
    SELECT o.attnum, o.name, format_type(t.oid, NULL) AS declared, true AS nullable,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE o.modifier END AS modifier,
        t.typname, t.typtype, t.typcategory, t.typbasetype
    FROM (VALUES {columns}) AS o (attnum, name, kind, modifier) JOIN pg_type t ON t.oid = o.kind
"""
# The recursion resolves a domain to its base type.
_COLUMNS = """
WITH RECURSIVE found AS ({described}
    UNION ALL
    SELECT f.attnum, f.name, f.declared, f.nullable,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE f.modifier END,
        t.typname, t.typtype, t.typcategory, t.typbasetype
    FROM found f JOIN pg_type t ON t.oid = f.typbasetype WHERE f.typtype = 'd'
)
SELECT name, declared, nullable, modifier::int8, typname::text,
    CASE WHEN typtype = 'c' THEN 'C' ELSE typcategory::text END,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = {oid} AND i.indisprimary AND attnum = ANY (i.indkey))
FROM found WHERE typtype <> 'd' ORDER BY attnum
"""
# Of the snapshot that the transaction reads: these numbers never fall, on a server and on all its standbys.
_PROGRESS = """
SELECT system_identifier::text, txid_snapshot_xmin(snapshot), txid_snapshot_xmax(snapshot)
FROM pg_control_system(), txid_current_snapshot() AS snapshot
"""
_FIELDS = ("name", "declared", "nullable", "modifier", "base", "category", "is_key")
_REFUSED = ("password authentication failed", "does not exist", "no pg_hba.conf entry", "is not permitted to log in",
            "no password supplied", "invalid")  # fmt: skip
_LOST = ("closed the connection", "terminating connection", "canceling statement", "no connection to the server",
         "connection not open", "could not receive data", "SSL connection has been closed", "timed out")  # fmt: skip


class PostgresDatabase:
    """A connection to PostgreSQL, in one read-only transaction."""

    dialect = "postgresql"
    side_by_side = True

    def __init__(self, connection: Connection, snapshot: str = "") -> None:
        """Connects.

        Args:
            connection: Settings of the connection.
            snapshot: Identifier of a snapshot that another connection exported, to see the same data.

        Raises:
            EntryError: The driver is not installed.
            ConnectionError: The server cannot be reached.
            LoadError: The server refuses the connection.
        """
        self._connection = connection
        try:
            driver = importlib.import_module("adbc_driver_postgresql.dbapi")
        except ImportError:
            raise EntryError("PostgreSQL is read with adbc-driver-postgresql; install data-foundation[sql]") from None
        try:
            self._adbc = driver.connect(_uri(connection))
        except Exception as error:  # noqa: BLE001 - the driver, and so its classes, is imported at run time
            raise self._explain(error, _REFUSED) from None
        self._cursor = self._adbc.cursor()
        for statement in _SESSION[:1] if not snapshot else (*_SESSION[:1], f"SET TRANSACTION SNAPSHOT '{snapshot}'"):
            self._execute(statement)
        for statement in _SESSION[1:]:
            self._execute(statement)

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes the connection."""
        with suppress(Exception):  # the connection may be lost already
            self._cursor.close()
        with suppress(Exception):
            self._adbc.close()

    def interrupt(self) -> None:
        """Cancels the running statement; may be called from any thread."""
        self._cursor.adbc_cancel()

    def beside(self) -> Self:
        """Returns another connection with the same snapshot."""
        return type(self)(self._connection, snapshot=self.row(sa.select(sa.func.pg_export_snapshot()))[0])

    def tables(self, schema: str | None) -> dict[str, tuple[str, ...]]:
        """Returns every table and view of a schema, or of the search path, with its primary key."""
        keys: dict[str, tuple[str, ...]] = {}
        for table, column in self._rows(_PRIMARY_KEYS.format(schema=_in_schema(schema))):
            keys[table] = (*keys.get(table, ()), *([column] if column else []))
        return keys

    def describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the table or view; its columns' types come from the catalogue and from `sources.yaml`.

        Raises:
            LoadError: There is no such table; the message suggests similar names.
        """
        relations = self._rows(_RELATIONS.format(schema=_in_schema(schema)))
        # SQL folds a name without quotes to lower case.
        matches = [one for one in relations if one[2] == table] or [one for one in relations if one[2] == table.lower()]
        if not matches:
            raise missing_table(self._connection, schema, table, [one[2] for one in relations])
        oid, schema, table = matches[0]
        return SourceTable(schema, table, self._columns(_OF_TABLE.format(oid=oid), oid, wanted))

    def describe_query(self, query: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the rows of a checked SELECT as a table; its columns' types come from the database.

        Raises:
            LoadError: The database refuses the statement, or its columns have no names of their own.
        """
        rows = f"({query}) AS query_rows"
        try:
            fields = self._cursor.adbc_execute_schema(f"SELECT * FROM {rows}")  # noqa: S608 - it is checked
        except Exception as error:  # noqa: BLE001 - as in `_execute`
            raise self._explain(error) from None
        names = fields.names
        refuse_names(names)
        # The driver has it for a column with digits of its own, as numeric(12,2).
        modifiers = [int((one.metadata or {}).get(b"POSTGRESQL:typmod", -1)) for one in fields]
        # The join has one row, and the query is not run for it.
        kinds = ", ".join(f"pg_typeof({quote_name(name)})::oid::int8" for name in names)
        [found] = self._rows(f"SELECT {kinds} FROM (SELECT) AS one LEFT JOIN {rows} ON false")  # noqa: S608 - as above
        columns = ", ".join(
            f"({number}::int2, {quote_text(name)}, {kind}::oid, {modifier})"
            for number, (name, kind, modifier) in enumerate(zip(names, found, modifiers, strict=True), 1)
        )
        return SourceTable.of_query(query, self._columns(_OF_QUERY.format(columns=columns), 0, wanted))

    def _columns(self, described: str, oid: int, wanted: Mapping[str, Mapping[str, Any]]) -> tuple[Column, ...]:
        found = self._rows(_COLUMNS.format(described=described, oid=oid))
        rows = [dict(zip(_FIELDS, row, strict=True)) for row in found]
        return tuple(make_column(row, wanted_of(wanted, row["name"])) for row in rows)

    def progress(self) -> Progress | None:
        """Returns how far the state has come that the connection reads, or None if the server does not tell."""
        self._execute("SAVEPOINT progress")
        try:
            [(system, oldest, following)] = self._rows(_PROGRESS)
        except LoadError:  # no right to it, or not PostgreSQL's own server
            self._execute("ROLLBACK TO SAVEPOINT progress")
            return None
        return Progress(system, oldest, following)

    def row(self, statement: Any) -> tuple[Any, ...]:
        """Returns the first row of a SQLAlchemy SELECT."""
        return self._rows(self._text(statement))[0]

    def read(self, statement: Any, columns: Sequence[Column], chunk_size: int) -> Iterator[Any]:
        """Yields the rows of a SQLAlchemy SELECT as Arrow tables of at most `chunk_size` rows.

        Raises:
            ConnectionError: The connection was lost.
            LoadError: The database refuses the statement.
            ValueRefused: A value does not fit the type of its column exactly.
        """
        self._execute(self._text(statement))
        batches, count = None, 0
        while True:
            try:
                batches = batches or iter(self._cursor.fetch_record_batch())
                batch = next(batches, None)
            except Exception as error:  # noqa: BLE001 - of Arrow or of the driver; only the text gives the reason
                raise self._explain(error) from None
            if batch is None:
                return
            table = exact_table(columns, batch.columns, count)
            count += table.num_rows
            for start in range(0, table.num_rows, chunk_size):
                yield table.slice(start, chunk_size)

    def _text(self, statement: Any) -> str:
        return as_text(statement, postgresql.dialect(paramstyle="named"))  # type: ignore[no-untyped-call]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Returns all rows; the driver may report an error of the statement only when its rows are fetched."""
        try:
            self._cursor.execute(statement)
            return [tuple(row) for row in self._cursor.fetchall()]
        except Exception as error:  # noqa: BLE001 - the driver, and so its classes, is imported at run time
            raise self._explain(error) from None

    def _execute(self, statement: str) -> None:
        try:
            self._cursor.execute(statement)
        except Exception as error:  # noqa: BLE001 - the driver, and so its classes, is imported at run time
            raise self._explain(error) from None

    def _explain(self, error: Exception, lasting: Sequence[str] = ()) -> Exception:
        """Returns a ConnectionError if a later attempt may succeed, else a LoadError.

        Args:
            error: The driver's error.
            lasting: Texts of errors that do not pass; with them, every other error passes.
        """
        text = " ".join(redact(str(error)).split())
        message = f"{self._connection}: {text.partition(' Query was:')[0]}"
        state = str(getattr(error, "sqlstate", None) or "")
        # 40: a standby cancels a read that is in the way of what it replays; another snapshot may be read whole.
        lost = state.startswith(("08", "40", "57")) or (not state and any(part in text for part in _LOST))
        if lasting:
            lost = not any(part in text for part in lasting)
        return ConnectionError(message) if lost else LoadError(message)


def _uri(connection: Connection) -> str:
    options = {"fallback_application_name": "data-foundation", "connect_timeout": "30", **connection.query}
    user = ":".join(quote(part, safe="") for part in (connection.username, connection.password) if part)
    place = f"{quote(connection.host, safe='')}:{connection.local_port or connection.port}"
    if connection.local_port:
        # The certificate is still compared with `host`.
        options["hostaddr"] = LOOPBACK
    return f"postgresql://{user}@{place}/{quote(connection.database, safe='')}?{urlencode(options, quote_via=quote)}"


def _in_schema(schema: str | None) -> str:
    if schema:
        return f"n.nspname = {quote_text(schema)}"
    return "pg_table_is_visible(c.oid) AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
