"""Reads MySQL, SQL Server and Oracle through SQLAlchemy's dialects and their drivers."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from data_foundation.errors import EntryError, LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.sql.database import Column, Progress, SourceTable
from data_foundation.readers.sql.database_settings import LOOPBACK, Connection
from data_foundation.readers.sql.databases.python_rows import read_rows
from data_foundation.readers.sql.databases.query_columns import describe_query
from data_foundation.readers.sql.databases.sqlalchemy_types import make_column
from data_foundation.readers.sql.query import refuse_names
from data_foundation.readers.sql.statement import missing_table, wanted_of

DRIVERS = {"mysql": "mysql+pymysql", "mssql": "mssql+pyodbc", "oracle": "oracle+oracledb"}
ODBC_DRIVER = "ODBC Driver 18 for SQL Server"

_SESSION = {
    # All reads see one snapshot, times are in UTC, and a backslash escapes in text, as SQLAlchemy expects.
    "mysql": ("SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')", "SET time_zone = '+00:00'",
              "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION READ ONLY"),
    "mssql": (),
    "oracle": ("SET TRANSACTION READ ONLY",),
}  # fmt: skip
# Codes of refusals that another attempt would meet too: unknown user, wrong password, unknown database.
_REFUSED = ("1044", "1045", "1049", "ORA-01017", "ORA-28000", "ORA-12514", "28000", "42000", "Login failed")


class SqlalchemyDatabase:
    """A connection through a driver without Arrow; rows are converted to Arrow tables in Python."""

    side_by_side = True

    def __init__(self, connection: Connection) -> None:
        """Connects.

        Raises:
            EntryError: The driver is not installed.
            ConnectionError: The server cannot be reached.
            LoadError: The server refuses the connection.
        """
        self.dialect = connection.dialect
        self._connection = connection
        try:
            self._engine = sa.create_engine(build_url(connection), poolclass=sa.NullPool)
        except ImportError as error:
            name = connection.dialect
            raise EntryError(
                f"{name} is read with {error.name or 'its driver'}; install data-foundation[{name}]"
            ) from None
        if connection.local_port and connection.dialect == "mysql":
            sa.event.listen(self._engine, "do_connect", partial(_connect_through_tunnel, connection.local_port))
        try:
            self._open = self._engine.connect()
        except sa.exc.DBAPIError as error:
            raise self._explain(error, connecting=True) from None
        for statement in _SESSION[self.dialect]:
            self._open.exec_driver_sql(statement)

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes the connection."""
        with suppress(Exception):  # the connection may be lost already
            self._open.close()
        self._engine.dispose()

    def beside(self) -> Self:
        """Returns another connection; unlike this one, it sees rows committed in the meantime."""
        return type(self)(self._connection)

    def interrupt(self) -> None:
        """Cancels the running statement, if the driver can do that from another thread."""
        cancel = getattr(self._open.connection.driver_connection, "cancel", None)
        if cancel:
            cancel()

    def tables(self, schema: str | None) -> dict[str, tuple[str, ...]]:
        """Returns every table and view of a schema, with its primary key."""
        try:
            inspector, schema = sa.inspect(self._open), self._name(schema)
            keys = {name: inspector.get_pk_constraint(name, schema)["constrained_columns"]
                    for name in inspector.get_table_names(schema)}  # fmt: skip
            return {**dict.fromkeys(inspector.get_view_names(schema), ()), **{k: tuple(v) for k, v in keys.items()}}
        except sa.exc.DBAPIError as error:
            raise self._explain(error) from None

    def describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the table or view; its columns' types come from the database and from `sources.yaml`.

        Raises:
            LoadError: There is no such table, or a column cannot be read exactly.
        """
        try:
            return self._describe(self._name(schema), self._name(table) or table, wanted)
        except sa.exc.DBAPIError as error:
            raise self._explain(error) from None

    def _describe(self, schema: str | None, table: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        inspector = sa.inspect(self._open)
        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        if table not in names:
            raise missing_table(self._connection, schema, table, names)
        keys = inspector.get_pk_constraint(table, schema)["constrained_columns"]
        columns = self._columns(inspector.get_columns(table, schema), keys, wanted)
        return SourceTable(self._spelled(schema) if schema else None, self._spelled(table), tuple(columns))

    def describe_query(self, query: str, wanted: Mapping[str, Mapping[str, Any]]) -> SourceTable:
        """Returns the rows of a checked SELECT as a table; its columns' types come from the database.

        Raises:
            LoadError: The database refuses the statement, its columns have no names of their own, or one of them cannot
                be read exactly.
        """
        try:
            described = describe_query(self._open, query, self.dialect)
        except sa.exc.DBAPIError as error:
            raise self._explain(error) from None
        refuse_names([one["name"] for one in described])
        return SourceTable.of_query(query, self._columns(described, (), wanted))

    def _columns(
        self, described: Sequence[Mapping[str, Any]], keys: Sequence[str], wanted: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Column]:
        for column in described:
            name = self._spelled(column["name"])
            quoted = self._engine.dialect.identifier_preparer.quote(name)
            facts = {**column, "name": name, "is_key": column["name"] in keys}
            yield make_column(facts, wanted_of(wanted, str(name)), self.dialect, quoted)

    def progress(self) -> Progress | None:
        """Returns None: the age of these databases' replicas is not compared."""
        return None

    def row(self, statement: Any) -> tuple[Any, ...]:
        """Returns the first row of a SQLAlchemy SELECT."""
        try:
            return tuple(self._open.execute(statement).one())
        except sa.exc.DBAPIError as error:
            raise self._explain(error) from None

    def read(self, statement: Any, columns: Sequence[Column], chunk_size: int) -> Iterator[Any]:
        """Yields the rows of a SQLAlchemy SELECT as Arrow tables of at most `chunk_size` rows.

        Raises:
            ConnectionError: The connection was lost.
            LoadError: The database refuses the statement.
            ValueRefused: A value does not fit the type of its column exactly.
        """
        yield from read_rows(self._pages(statement, chunk_size), columns)

    def _pages(self, statement: Any, chunk_size: int) -> Iterator[Sequence[Any]]:
        try:
            with self._open.execution_options(yield_per=chunk_size).execute(statement) as result:
                yield from result.partitions()
        except sa.exc.DBAPIError as error:
            raise self._explain(error) from None

    def _name(self, name: str | None) -> str | None:
        """Returns a name in SQLAlchemy's spelling: Oracle's ORDERS, which needs no quotes in SQL, is orders."""
        return self._engine.dialect.normalize_name(name) if name and self.dialect == "oracle" else name

    def _spelled(self, name: str) -> Any:
        """Returns a quoted name. Oracle's are quoted only if necessary, because quotes make them case-sensitive."""
        return quoted_name(name, quote=getattr(name, "quote", None) if self.dialect == "oracle" else True)

    def _explain(self, error: sa.exc.DBAPIError, *, connecting: bool = False) -> Exception:
        """Returns a ConnectionError if a later attempt may succeed, else a LoadError."""
        text = " ".join(redact(str(error.orig)).split())
        message = f"{self._connection}: {text}"
        lost = not any(code in text for code in _REFUSED) if connecting else error.connection_invalidated
        return ConnectionError(message) if lost else LoadError(message)


def _connect_through_tunnel(port: int, dialect: Any, _record: Any, args: Any, settings: Mapping[str, Any]) -> Any:
    """Returns PyMySQL's connection over a socket to the tunnel; certificates are still compared with `host`."""
    connection = dialect.loaded_dbapi.connect(*args, **settings, defer_connect=True)
    try:
        through = socket.create_connection((LOOPBACK, port))
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(f"the tunnel is closed: {error}") from None
    through.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect(through)
    return connection


def build_url(connection: Connection) -> sa.URL:
    """Returns SQLAlchemy's URL of a database, with all settings that its driver needs."""
    query = dict(connection.query)
    # Without a user name SQLAlchemy opens a trusted connection to SQL Server.
    user = "" if connection.trusted_connection else connection.username
    if connection.dialect == "mssql":
        query.setdefault("driver", connection.driver or ODBC_DRIVER)
    elif connection.dialect == "oracle" and connection.service_name:
        query["service_name"] = connection.service_name
    elif connection.dialect == "mysql":
        query.setdefault("charset", "utf8mb4")
    host, port = connection.host, connection.port
    if connection.local_port and connection.dialect != "mysql":
        host, port = LOOPBACK, connection.local_port
        if connection.dialect == "mssql":
            # The certificate is still compared with the name of the server.
            query.setdefault("HostnameInCertificate", connection.host)
    return sa.URL.create(
        DRIVERS[connection.dialect],
        username=user or None,
        password=(user and connection.password) or None,
        host=host,
        port=port,
        database=None if connection.service_name else connection.database or None,
        query=query,
    )
