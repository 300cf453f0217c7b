"""Reads one table: describes it, builds the SELECT, and yields its rows page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import dlt
import pyarrow as pa
import sqlalchemy as sa

from data_foundation.dlt_keys import REQUESTED
from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.deleted_rows import DELETED_AT
from data_foundation.readers.load_warning import warn
from data_foundation.readers.read_ahead import ReadAhead
from data_foundation.readers.sql.change_probe import ChangeProbe
from data_foundation.readers.sql.cursor import Cursor
from data_foundation.readers.sql.database import Database, SourceTable
from data_foundation.readers.sql.database_settings import PORTS, Connection
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from data_foundation.readers.sql.databases.sqlalchemy_database import SqlalchemyDatabase
from data_foundation.readers.sql.databases.sqlite import SqliteDatabase
from data_foundation.readers.sql.first_load import FirstLoadPart
from data_foundation.readers.sql.key_ranges import find_key, find_ranges
from data_foundation.readers.sql.query import check_query
from data_foundation.readers.sql.query_filter import check_filter
from data_foundation.readers.sql.source_keys import KeyReader
from data_foundation.readers.sql.statement import TableMissing, build_select, choose_columns, wanted_of
from data_foundation.readers.sql.table_arguments import TableArguments
from data_foundation.readers.ssh.server_settings import SshServer

_CHANGED = (
    "query or query_filter has changed: rows that it selects now and that lie before the cursor are not read, and rows "
    "that it leaves out now stay in the table; `--refresh state` reads all once, `--refresh drop` begins anew"
)


class TableReader:
    """Reads the part of a table that one run needs, through an open connection."""

    def __init__(self, database: Database, arguments: TableArguments, resource: Any) -> None:
        """Describes the table; reads none of its rows.

        Args:
            database: An open connection.
            arguments: The arguments of `get_table`.
            resource: The running dlt resource, with its hints, cursor and limit.

        Raises:
            FoundationError: The table or a column does not exist, or an argument is invalid.
        """
        self._part: FirstLoadPart | None = None
        checked = check_filter(arguments.query_filter, database.dialect) if arguments.query_filter is not None else None
        self._filter: list[Any] = [] if checked is None else [sa.literal_column(f"({checked})")]
        self._database, self._arguments, self._resource = database, arguments, resource
        self._hints = resource.columns if isinstance(resource.columns, Mapping) else {}
        self._limit = resource.limit.limit(arguments.chunk_size) if resource.limit else None
        self.table = _describe(database, arguments, self._hints, has_cursor=bool(resource.incremental))
        self.columns = choose_columns(self.table, arguments.include, arguments.exclude)
        self._cursor = Cursor(resource.incremental, self.table) if resource.incremental else None
        deleted = arguments.deleted
        self._keys = KeyReader(deleted, database, self.table, self.columns, resource) if deleted else None
        self._part = FirstLoadPart(database, self.table, resource, self._cursor) if arguments.first_load_rows else None
        if self._part and self._part.is_active and arguments.first_load_rows:
            self._part.begin(arguments.first_load_rows, arguments, self._conditions())

    @property
    def hints(self) -> dict[str, dict[str, Any]]:
        """The dlt hints that Arrow types do not express, for columns without a type in `sources.yaml`."""
        return {column.name: {"name": column.name, **column.hint} for column in self.columns
                if column.hint and "data_type" not in wanted_of(self._hints, column.name)}  # fmt: skip

    def select(self) -> sa.Select[Any]:
        """Returns the SELECT of all rows that this run needs."""
        order = self._cursor.order() if self._cursor else None
        return build_select(self.table, self.columns, self._conditions(), order, self._limit)

    def compare_selection(self) -> None:
        """Warns of a query or a filter that has changed, as rows before the stored cursor are not read again for it."""
        if self._cursor is None or self._resource.custom_metrics.get(REQUESTED):
            return
        state, selection = dlt.current.resource_state(), self._arguments.selection
        known = state.get("selection")
        if known is not None and known != selection and not self._cursor.is_at_beginning:
            warn(_CHANGED)
        if known is not None or selection:
            state["selection"] = selection

    def _conditions(self) -> list[Any]:
        part = self._part.conditions if self._part else ()
        return [*(self._cursor.conditions(self._database.dialect) if self._cursor else ()), *self._filter, *part]

    def pages(self) -> Iterator[Any]:
        """Yields the rows as Arrow tables; the next ones are read while the consumer processes them."""
        with ExitStack() as opened:
            databases, selects = [self._database], [self.select()]
            if self._arguments.parallelism > 1 and self._limit is None:
                selects = [selects[0].where(*part) for part in self._ranges()]
                databases += [opened.enter_context(self._database.beside()) for _ in selects[1:]]
            readers = [
                partial(self._read, database, select) for database, select in zip(databases, selects, strict=True)
            ]
            yield from ReadAhead(readers, [database.interrupt for database in databases])
        if self._keys:
            self._keys.keep_progress()
        # During a first load in parts the table does not have all rows yet.
        if self._keys and not (self._part and self._part.is_active):
            self._keys.read(self._filter, self._arguments.chunk_size)

    def _read(self, database: Database, select: sa.Select[Any]) -> Iterator[Any]:
        for page in database.read(select, self.columns, self._arguments.chunk_size):
            yield self._keys.add_column(page) if self._keys else page

    @property
    def no_rows(self) -> Any:
        """An empty Arrow table with the columns; without those whose values alone show their type."""
        known = [column for column in self.columns if column.kind is not None]
        empty = pa.table({column.name: pa.array([], column.kind) for column in known})
        return self._keys.add_column(empty) if self._keys else empty

    def _ranges(self) -> list[tuple[Any, ...]]:
        if not self._database.side_by_side:
            raise EntryError(f"parallelism: several connections do not read {self._database.dialect} faster; remove it")
        if self._cursor and self._cursor.order() is not None:
            raise EntryError("parallelism: rows read in parallel have no order; remove parallelism or row_order")
        key = find_key(self.table, self._arguments.partition_on)
        return find_ranges(self._database, self.table, key, self._conditions(), self._arguments.parallelism)

    def probe(self) -> ChangeProbe | None:
        """Returns the check whether the table has changed, or None if `skip_unchanged` is not set.

        Raises:
            EntryError: The resource has a cursor.
        """
        if not self._arguments.skip_unchanged or self._limit is not None:
            return None
        if self._cursor:
            raise EntryError("skip_unchanged: incremental reads only new rows already; remove one of them")
        return ChangeProbe(self._database, self.table, self.select(), self._arguments.skip_unchanged)


def find_key_hints(connection: Connection, arguments: TableArguments) -> dict[str, Any]:
    """Returns dlt's hints of a merge on the primary key of a table; none if the table has no key.

    They are known before the first row is read, because the write disposition decides how rows are guarded. Where the
    destination cannot merge, as with parquet files, rows are appended.

    Args:
        connection: Settings of the connection.
        arguments: The arguments of `get_table`.

    Raises:
        FoundationError: The table cannot be described; the message gives the reason.
        ConnectionError: The database cannot be reached, or the connection was lost.
    """
    destination = dlt.current.pipeline().destination
    if not destination.capabilities().supported_merge_strategies:
        return {}
    with open_database(connection) as database:
        table = describe_table(database, arguments, {})
    keys = [column.name for column in table.columns if column.is_key]
    return {"write_disposition": "merge", "primary_key": keys} if keys else {}


def read_table(connection: Connection, arguments: TableArguments, *, merges: bool = False) -> Iterator[Any]:
    """Yields the rows as Arrow tables, as the generator of the running dlt resource.

    Args:
        connection: Settings of the connection.
        arguments: The arguments of `get_table`.
        merges: Whether `find_key_hints` has declared a merge.

    Raises:
        FoundationError: The table cannot be read; the message gives the reason.
        ConnectionError: The database cannot be reached, or the connection was lost.
    """
    resource: Any = dlt.current.resource()
    mode = resource.write_disposition
    if merges and (mode["disposition"] if isinstance(mode, Mapping) else mode) != "merge":
        # With an append, each change of a row would be one more row of its key.
        raise EntryError("merge_on_key: `write_disposition` is set to another one than merge; remove one of them")
    with open_database(connection) as database:
        reader = TableReader(database, arguments, resource)
        reader.compare_selection()
        probe = reader.probe()
        if probe and probe.is_unchanged():
            return
        if hints := reader.hints:
            resource.apply_hints(columns=hints)
        is_empty = True
        for page in reader.pages():
            is_empty = False
            yield page
        if _needs_columns(resource, reader, arguments, is_empty=is_empty):
            yield reader.no_rows
        if probe:
            probe.store()


def _needs_columns(resource: Any, reader: TableReader, arguments: TableArguments, *, is_empty: bool) -> bool:
    """Returns True if the table is to be made although there are no rows, or lacks the column for deleted rows.

    A table without rows is made so that dbt's models can be built, unless the type of a column is not known.
    """
    table = dlt.current.source_schema().tables.get(str(resource.table_name))
    if table is None:
        return is_empty and all(column.kind is not None for column in reader.columns)
    is_soft = arguments.deleted is not None and arguments.deleted.mode == "soft"
    return is_soft and DELETED_AT not in table["columns"]


def _describe(
    database: Database, arguments: TableArguments, hints: Mapping[str, Any], *, has_cursor: bool
) -> SourceTable:
    if arguments.query is None:
        return describe_table(database, arguments, hints)
    partial = arguments.parts_of_query(has_cursor=has_cursor)
    return database.describe_query(check_query(arguments.query, database.dialect, partial), hints)


def describe_table(database: Database, arguments: TableArguments, hints: Mapping[str, Any]) -> SourceTable:
    """Returns what the database tells of a table.

    Args:
        database: An open connection.
        arguments: The arguments of `get_table`.
        hints: dlt's hints of the columns, by name.

    Raises:
        LoadError: The table does not exist.
    """
    try:
        return database.describe(arguments.schema, arguments.table, hints)
    except TableMissing as error:
        if not arguments.tables:
            raise
        hint = f"It was found with `tables`; `foundation discover {arguments.folder}` updates the list of tables"
        raise LoadError(f"{error}. {hint}") from None


@contextmanager
def open_database(connection: Connection) -> Iterator[Database]:
    """Yields an open connection, through a tunnel if the settings have an SSH server.

    Raises:
        EntryError: The driver is not installed, or a setting of the SSH server is invalid.
        ConnectionError: The database or the SSH server cannot be reached.
        LoadError: The database or the SSH server refuses the connection.
    """
    known: dict[str, Callable[[Connection], Database]] = {"postgresql": PostgresDatabase, "sqlite": SqliteDatabase}
    with ExitStack() as opened:
        if connection.ssh:
            port = opened.enter_context(_tunnel(connection.ssh, connection))
            connection = replace(connection, local_port=port)
        yield opened.enter_context(known.get(connection.dialect, SqlalchemyDatabase)(connection))


@contextmanager
def _tunnel(server: SshServer, connection: Connection) -> Iterator[int]:
    """Yields the port of 127.0.0.1 that a tunnel carries to the database."""
    try:
        from data_foundation.readers.ssh.tunnel import SshTunnel  # noqa: PLC0415 - installed with an extra
    except ImportError:
        raise EntryError(f"{server} is reached with paramiko; install data-foundation[ssh]") from None
    with SshTunnel(server, connection.host, connection.port or PORTS[connection.dialect]) as tunnel:
        yield tunnel.port
