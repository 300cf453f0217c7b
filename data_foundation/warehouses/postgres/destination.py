"""dlt's PostgreSQL destination with one transaction for each load, and rows written by COPY."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper
from dlt.destinations.impl.postgres.factory import postgres as postgres_destination
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import DBApiCursorImpl, raise_database_error
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.fence import lock_number
from data_foundation.warehouses.postgres.copy_text import CopyText, find_nul
from data_foundation.warehouses.postgres.indexes import TOO_LONG, create_missing, drop_own
from data_foundation.warehouses.postgres.transaction import PostgresTransaction, as_dlt_error
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    CommittingClient,
    SharedSessionSqlClient,
    TransactionalDestination,
    one_transaction,
    parquet_settings,
)

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext, PreparedTableSchema
    from dlt.common.destination.client import LoadJob
    from dlt.common.schema import TColumnSchema
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the same

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence

_SHARED = re.compile(r"\bCREATE (?:SCHEMA|TABLE) IF NOT EXISTS\b")
"""Matches statements that several loads may execute at once: for a dataset, dlt's own tables, the audit trail."""

_SEARCHED = {
    "_dlt_loads": ("schema_name", "load_id"),
    "_dlt_pipeline_state": ("pipeline_name",),
    "_dlt_version": ("schema_name",),
}
"""Columns of dlt's tables by which each load searches. With 3.65 million rows that takes 5.3 s, by an index 0.05 s."""

_READS = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_WRITES = re.compile(r'\b(?:INSERT INTO|UPDATE|MERGE INTO)\s+((?:\.?"(?:[^"]|"")*")+)')
"""Finds the tables into which statements write rows; dlt sends those of a merge as one text."""

_ABSENT = (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName)
_UNSTORABLE = (psycopg2.errors.CharacterNotInRepertoire, psycopg2.errors.UntranslatableCharacter)

T = TypeVar("T")

BLOCK = 1 << 20
"""Bytes of COPY text in one message."""


class _PostgresSqlClient(SharedSessionSqlClient, Psycopg2SqlClient):
    """Executes in the transaction of the current load; without one, each statement commits by itself."""

    def __init__(
        self, replaced: Psycopg2SqlClient, session: Connection | None, load: PostgresTransaction | None
    ) -> None:
        super().__init__(replaced)
        self.session = session
        self.load = load
        self._lock = f"SELECT pg_advisory_xact_lock({lock_number(self.dataset_name)}); "

    @override
    def create_dataset(self) -> None:
        """Creates the schema unless it exists."""
        self.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {self.fully_qualified_dataset_name()}")

    @override
    def truncate_tables(self, *tables: str) -> None:
        """Empties tables: by TRUNCATE in the staging schema, by DELETE elsewhere so that readers see rows until commit.

        TRUNCATE blocks readers until commit, and then shows an empty table to transactions that began earlier.
        """
        if self.is_staging_dataset_active:
            super().truncate_tables(*tables)
        else:
            for table in tables:
                self.execute_sql(f"DELETE FROM {self.make_qualified_table_name(table)}")  # noqa: S608 - quoted by dlt

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with self._conn.cursor() as cursor:
            with self._guarded():
                if isinstance(query, str) and _SHARED.search(query):
                    # Even with IF NOT EXISTS, two sessions that create the same object at once fail.
                    query = self._lock + query
                values = args or kwargs or None
                if self.load and isinstance(query, str) and _READS.match(query):
                    self._probe(cursor, query, values)
                elif self.load and isinstance(query, str) and (written := _WRITES.findall(query)):
                    self._write(set(written), lambda: cursor.execute(query, values))
                else:
                    cursor.execute(query, values)
            yield DBApiCursorImpl(cursor)

    def _probe(self, cursor: Cursor, query: str, values: Any) -> None:
        """Executes a SELECT; the transaction stays valid if its table does not exist, as dlt probes for tables."""
        with self._conn.cursor() as marker:
            try:
                cursor.execute(f"SAVEPOINT probe; {query}", values)
            except _ABSENT:
                marker.execute("ROLLBACK TO SAVEPOINT probe")
                raise
            marker.execute("RELEASE SAVEPOINT probe")

    def _write(self, tables: Iterable[str], execute: Callable[[], T]) -> T:
        """Executes what writes rows; once more without the tables' indexes if one refuses a key for its length."""
        with self._conn.cursor() as marker:
            marker.execute("SAVEPOINT writing")
            try:
                written = execute()
            except TOO_LONG:
                marker.execute("ROLLBACK TO SAVEPOINT writing")
                if not sum(drop_own(self._conn, table) for table in tables):
                    raise
                written = execute()
            marker.execute("RELEASE SAVEPOINT writing")
            return written

    @raise_database_error
    def copy(self, table: str, path: Path) -> int:
        """Copies the rows of a parquet file into a table and returns their number.

        Raises:
            ValueRefused: A text contains U+0000.
        """
        with self._guarded():
            if self.load is None:
                return self._copy(table, path)
            return self._write([self.make_qualified_table_name(table)], lambda: self._copy(table, path))

    def _copy(self, table: str, path: Path) -> int:
        with closing(CopyText(path)) as text, self._conn.cursor() as cursor:
            columns = ", ".join(map(self.escape_column_name, text.columns))
            statement = f"COPY {self.make_qualified_table_name(table)} ({columns}) FROM STDIN"
            try:
                cursor.copy_expert(statement, text, BLOCK)
            except _UNSTORABLE as error:
                reason = "got a text with U+0000, which PostgreSQL cannot store; remove the character in the entry"
                message = f"{find_nul(path) or table}: {reason}"
                raise ValueRefused(message) from error
            except psycopg2.Error as error:
                raise text.error or error from None
            return text.rows

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Refuses to execute after the load's first error, and records that error."""
        if self.load is None:
            yield
            return
        self.load.refuse_after_error()
        try:
            yield
        except Exception as error:
            if not isinstance(error, _ABSENT):
                self.load.fail(self._make_database_exception(error))
            raise

    @classmethod
    @override
    def _make_database_exception(cls, ex: Exception) -> Exception:
        return as_dlt_error(ex)


class _CopyFile(RunnableLoadJob, HasFollowupJobs):
    """Copies one parquet file into its table."""

    @override
    def run(self) -> None:
        client = self._job_client
        assert isinstance(client, _PostgresClient)  # noqa: S101 - it made this job
        assert isinstance(client.sql_client, _PostgresSqlClient)  # noqa: S101 - the destination made it
        client.sql_client.copy(self.load_table_name, Path(self._file_path))


class _PostgresClient(CommittingClient, PostgresClient):
    """Loads parquet files by COPY."""

    load: PostgresTransaction | None = None

    column_rows = (
        "SELECT n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name, "
        "format_type(a.atttypid, a.atttypmod) AS kind, CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS nullable, "
        "CASE WHEN a.atthasdef OR a.attidentity <> '' THEN 'YES' ELSE 'NO' END AS filled, a.attnum AS ordinal_position "
        "FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    )

    @override
    def _get_table_update_sql(
        self, table_name: str, new_columns: Sequence[TColumnSchema], generate_alter: bool
    ) -> list[str]:
        statements = super()._get_table_update_sql(table_name, new_columns, generate_alter)
        if not generate_alter:
            statements += self._index(table_name)
        return statements

    def _index(self, table: str) -> Iterator[str]:
        """Yields the statements that index one of dlt's tables, which has a row for each load of every table."""
        name, quote = self.sql_client.make_qualified_table_name(table), self.sql_client.escape_column_name
        for column in _SEARCHED.get(table, ()):
            yield f"CREATE INDEX IF NOT EXISTS {quote(f'{table}_{column}')} ON {name} ({quote(column)})"

    @override
    def complete_load(self, load_id: str) -> None:
        """Indexes the tables of a merge before the commit, so that the next load finds the rows of its keys."""
        if self.load:
            create_missing(self.load.session, self.sql_client.dataset_name, self.schema.tables)
        super().complete_load(load_id)

    @staticmethod
    @override
    def spell(kind: str) -> str:
        # PostgreSQL: timestamp(3) with time zone, character varying; dlt: timestamp (3) with time zone, varchar.
        spelled = kind.replace(" (", "(").replace("character varying", "varchar").upper()
        return {"JSON": "JSONB", "TEXT": "VARCHAR"}.get(spelled, spelled)

    @override
    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        if ParsedLoadJobFileName.parse(file_path).file_format == "parquet":
            return _CopyFile(file_path)
        return super().create_load_job(table, file_path, load_id, restore)


class _TypeMapper(PostgresTypeMapper):
    """Maps JSON to jsonb for every file format: COPY sends text, which both types read."""

    @override
    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        return "jsonb" if column["data_type"] == "json" else super().to_destination_type(column, table)


class TransactionalPostgres(TransactionalDestination[PostgresTransaction], ResolvedOnce, postgres_destination):
    """dlt's PostgreSQL destination over one session, with loads that take effect as a whole."""

    dlt_type = "dlt.destinations.postgres"
    client_type = _PostgresClient

    def __init__(self, credentials: Any, session: Connection | None = None) -> None:
        super().__init__(credentials, create_indexes=False, **AS_NAMED)
        self._session = session

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.parquet_format = parquet_settings()
        capabilities.supported_loader_file_formats = ["parquet", "insert_values", "csv", "model"]
        # dlt's selector prefers ADBC, which opens a connection, and so a transaction, of its own.
        capabilities.loader_file_format_selector = None  # type: ignore[assignment] # as in dlt's other destinations
        capabilities.type_mapper = _TypeMapper
        return capabilities

    @override
    def prepare(self, client: _PostgresClient) -> None:
        client.load = self.load
        client.sql_client = _PostgresSqlClient(client.sql_client, self._session, self.load)

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        assert self._session  # noqa: S101 - `open` gives one
        with one_transaction(self, "public", PostgresTransaction(self._session), first, fence):
            yield
