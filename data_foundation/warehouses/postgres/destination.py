"""Everything that one dlt load does to a PostgreSQL database as one transaction, rows by COPY."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper
from dlt.destinations.impl.postgres.factory import postgres as postgres_destination
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import DBApiCursorImpl, raise_database_error
from dlt.destinations.typing import DBTransaction
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.warehouses.base import AS_NAMED
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.one_transaction import OneTransaction
from data_foundation.warehouses.postgres.copy_text import CopyText, find_nowhere
from data_foundation.warehouses.postgres.errors import explain_refusal
from data_foundation.warehouses.state_query import StateWithSchema

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext, PreparedTableSchema
    from dlt.common.destination.client import LoadJob
    from dlt.common.schema import TColumnSchema
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the same

_SHARED = re.compile(r"\bCREATE (?:SCHEMA|TABLE) IF NOT EXISTS\b")
"""What several loads may create at the same moment: a dataset, dlt's own tables, the audit trail."""

_READS = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_ABSENT = (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName)
_UNSTORABLE = (psycopg2.errors.CharacterNotInRepertoire, psycopg2.errors.UntranslatableCharacter)

BLOCK = 1 << 20
"""Bytes sent at once."""


class _Transaction(OneTransaction):
    """One on a session that is open; between two of them every statement commits itself."""

    def __init__(self, session: Connection) -> None:
        super().__init__()
        self.session = session
        session.autocommit = False

    @override
    def commit(self) -> None:
        try:
            self.session.commit()
        except psycopg2.Error as error:
            # Whether it was done nobody knows; whoever tries again asks the list of loads.
            told = _SqlClient._make_database_exception(error)  # noqa: SLF001 - dlt's own words for it
            self.failed(told)
            raise told from error

    @override
    def end(self) -> None:
        # A session that is gone has undone everything already.
        with suppress(psycopg2.Error):
            self.session.rollback()
            self.session.autocommit = True


class _SqlClient(Psycopg2SqlClient):
    """Uses the session that it is given, and leaves beginning and ending to the load that it is a part of."""

    def __init__(self, client: Psycopg2SqlClient, session: Connection | None, load: _Transaction | None) -> None:
        super().__init__(client.dataset_name, client.staging_dataset_name, client.credentials, client.capabilities)
        self.session = session
        self.load = load
        key = hashlib.sha256(f"data_foundation {client.dataset_name}".encode()).digest()[:8]
        self._lock = f"SELECT pg_advisory_xact_lock({int.from_bytes(key, signed=True)}); "

    @override
    def open_connection(self) -> Connection:
        assert self.session  # noqa: S101 - a destination without one is asked for names only
        self._conn = self.session
        return self.session

    @override
    def close_connection(self) -> None:
        self._conn = None

    @contextmanager
    @override
    def begin_transaction(self) -> Iterator[DBTransaction]:
        yield self

    @override
    def create_dataset(self) -> None:
        """Creates the schema, unless another load has just done so."""
        self.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {self.fully_qualified_dataset_name()}")

    @override
    def truncate_tables(self, *tables: str) -> None:
        """Empties tables: those of the staging schema at once, others so that readers keep their rows until the end.

        TRUNCATE keeps readers waiting until the load is over, and shows an empty table to those that began before.
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
                    # Even with IF NOT EXISTS two that create the same thing at once fail; those who don't run freely.
                    query = self._lock + query
                if self.load and isinstance(query, str) and _READS.match(query):
                    self._probe(cursor, query, args or kwargs or None)
                else:
                    cursor.execute(query, args or kwargs or None)
            yield DBApiCursorImpl(cursor)

    def _probe(self, cursor: Cursor, query: str, values: Any) -> None:
        """Reads: dlt asks for tables that may not be there, and the transaction stands when they are not."""
        with self._conn.cursor() as marker:
            try:
                cursor.execute(f"SAVEPOINT probe; {query}", values)
            except _ABSENT:
                marker.execute("ROLLBACK TO SAVEPOINT probe")
                raise
            marker.execute("RELEASE SAVEPOINT probe")

    @raise_database_error
    def copy(self, table: str, path: Path) -> int:
        """Adds the rows of a parquet file to a table and returns how many they are.

        Raises:
            ValueRefused: A text holds U+0000.
        """
        with self._guarded(), closing(CopyText(path)) as text, self._conn.cursor() as cursor:
            columns = ", ".join(map(self.escape_column_name, text.columns))
            statement = f"COPY {self.make_qualified_table_name(table)} ({columns}) FROM STDIN"
            try:
                cursor.copy_expert(statement, text, BLOCK)
            except _UNSTORABLE as error:
                message = (
                    f"{find_nowhere(path) or table}: a text holds U+0000, which PostgreSQL cannot store; remove it"
                )
                raise ValueRefused(message) from error
            except psycopg2.Error as error:
                raise text.error or error from None
            return text.rows

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Executes nothing after an error, and remembers the first."""
        if self.load is None:
            yield
            return
        self.load.refuse_after_error()
        try:
            yield
        except Exception as error:
            if not isinstance(error, _ABSENT):
                self.load.failed(self._make_database_exception(error))
            raise

    @classmethod
    @override
    def _make_database_exception(cls, ex: Exception) -> Exception:
        return explain_refusal(ex) or super()._make_database_exception(ex)


class _CopyFile(RunnableLoadJob, HasFollowupJobs):
    """Copies one file into its table."""

    @override
    def run(self) -> None:
        client = self._job_client
        assert isinstance(client, _Client)  # noqa: S101 - it made this job
        assert isinstance(client.sql_client, _SqlClient)  # noqa: S101 - the destination gave it
        client.sql_client.copy(self.load_table_name, Path(self._file_path))


class _Client(StateWithSchema, PostgresClient):
    """Commits where dlt says that a load is complete."""

    load: _Transaction | None = None

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

    @override
    def complete_load(self, load_id: str) -> None:
        super().complete_load(load_id)
        if self.load:
            self.load.commit()


class _TypeMapper(PostgresTypeMapper):
    """JSON is jsonb, whatever kind of file it comes in: COPY reads text."""

    @override
    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        return "jsonb" if column["data_type"] == "json" else super().to_destination_type(column, table)


class TransactionalPostgres(ResolvedOnce, postgres_destination):
    """dlt's PostgreSQL destination over one session, with loads that take effect as a whole."""

    def __init__(self, credentials: Any, session: Connection | None = None) -> None:
        super().__init__(credentials, create_indexes=False, **AS_NAMED)
        self._session = session
        self._load: _Transaction | None = None

    @property
    @override
    def destination_type(self) -> str:
        """The one that the state in the warehouse names: to dlt this is its own PostgreSQL."""
        return "dlt.destinations.postgres"

    @property
    @override
    def client_class(self) -> type[PostgresClient]:
        """The client that commits where a load is complete."""
        return _Client

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.supported_loader_file_formats = ["parquet", "insert_values", "csv", "model"]
        # dlt's own asks for ADBC, which has a connection, and so a transaction, of its own.
        capabilities.loader_file_format_selector = None  # type: ignore[assignment] # as in dlt's other destinations
        capabilities.type_mapper = _TypeMapper
        return capabilities

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client of the session, and of the load that is going on."""
        client = super().client(schema, initial_config)
        assert isinstance(client, _Client)  # noqa: S101 - it is of `client_class`
        client.load = self._load
        client.sql_client = _SqlClient(client.sql_client, self._session, self._load)
        return client

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes every load inside the block all or nothing; see OneTransaction.around."""
        assert self._session  # noqa: S101 - `open` gave it
        self._load = _Transaction(self._session)
        try:
            with self._load.around():
                yield
        finally:
            self._load = None
