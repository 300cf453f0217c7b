"""Everything that one dlt load does to a DuckDB file as one transaction: readers see the old tables or the new ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.configuration import ParquetFormatConfiguration
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error
from dlt.destinations.typing import DBTransaction
from typing_extensions import override

from data_foundation.warehouses.base import AS_NAMED
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.duckdb.bounded_copy import BoundedCopy
from data_foundation.warehouses.one_transaction import OneTransaction
from data_foundation.warehouses.state_query import StateWithSchema


class _Transaction(OneTransaction):
    """One on a session that every client of the load shares.

    Attributes:
        session: A DuckDB connection inside a transaction, None until the first client opens one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session: duckdb.DuckDBPyConnection | None = None

    def begin(self, session: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Takes `session` as the one that all share."""
        # dlt's own number: a load is written to the file once, not each time that so many bytes have come together.
        session.execute("SET GLOBAL checkpoint_threshold = '1gb'")
        session.begin()
        self.session = session
        return session

    @override
    def commit(self) -> None:
        if self.session:
            self.session.commit()
            self.session.begin()

    @override
    def end(self) -> None:
        if self.session:
            # A commit that failed has ended the transaction itself; closing the session undoes what is left.
            self.session.close()


class _SessionSqlClient(DuckDbSqlClient):
    """Takes a session of the connection that is open as it is: dlt sets up each of its own by six statements.

    Read in dlt 1.31.0: what these set is a zone and a threshold for all sessions, what DuckDB does anyway, and a search
    path for tables that are named without their schema, which neither dlt nor this project does.
    """

    def __init__(self, client: DuckDbSqlClient, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(client.dataset_name, client.staging_dataset_name, client.credentials, client.capabilities)
        self._connection = connection

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        self._conn = self.open_session()
        return self._conn

    def open_session(self) -> duckdb.DuckDBPyConnection:
        """Returns a session; set up by dlt where its settings ask for anything."""
        told = self.credentials
        asked = (told.extensions, told.global_config, told.pragmas, told.statements, told.local_config)
        if any(asked) or told.session_timezone != "UTC":
            told.parse_native_representation(self._connection)  # as if dlt had been given it, and not the path
            told.conn_pool = DuckDbConnectionPool(told)
            return super().open_connection()
        return self._connection.cursor()

    @override
    def close_connection(self) -> None:
        if self._conn:
            self._conn.close()
            self._conn = None  # type: ignore[assignment] # as dlt's own does


class _SharedSqlClient(_SessionSqlClient):
    """Leaves beginning and ending to the load that it is a part of."""

    def __init__(self, client: DuckDbSqlClient, connection: duckdb.DuckDBPyConnection, shared: _Transaction) -> None:
        super().__init__(client, connection)
        self.shared = shared

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        self._conn = self.shared.session or self.shared.begin(self.open_session())
        return self._conn

    @override
    def close_connection(self) -> None:
        self._conn = None  # type: ignore[assignment] # as dlt's own does

    @contextmanager
    @override
    def begin_transaction(self) -> Iterator[DBTransaction]:
        yield self

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.shared.refuse_after_error()
        try:
            # dlt's own would roll back when a statement fails, and whatever follows would be committed by itself.
            values = args or kwargs or None
            executed: Any = self._conn.execute(query.replace("%s", "?") if values else query, values)
            yield self.cursor_impl(executed)
        except duckdb.CatalogException:
            # dlt asks for tables that may not be there; the transaction stands.
            raise
        except duckdb.Error as error:
            self.shared.failed(self._make_database_exception(error))
            raise


class _SharedClient(StateWithSchema, DuckDbClient):
    """Commits where dlt says that a load is complete, and has DuckDB look for no way to compress ids."""

    shared: _Transaction | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # That is a sixth of a copy's CPU with eleven columns beside them, for four bytes an id.
        self.active_hints = {**self.active_hints, "row_key": "USING COMPRESSION uncompressed"}

    @override
    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
        job = super().create_load_job(table, file_path, load_id, restore)
        is_parquet = type(job) is DuckDbCopyJob and file_path.endswith(".parquet")
        return BoundedCopy(file_path) if is_parquet else job

    @override
    def complete_load(self, load_id: str) -> None:
        super().complete_load(load_id)
        if self.shared:
            self.shared.commit()


class TransactionalDuckDB(ResolvedOnce, duckdb_destination):
    """dlt's DuckDB destination, over a connection that is open, with loads that take effect as a whole."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str = ":memory:") -> None:
        """Takes a connection that is in UTC, and the path of what it is connected to."""
        # Of a connection dlt would ask for its path, twice each time that settings are resolved.
        super().__init__(connection if path == ":memory:" else path, **AS_NAMED)
        self._connection = connection
        self._shared: _Transaction | None = None

    @property
    @override
    def destination_type(self) -> str:
        """The one that the state in the warehouse names: to dlt this is its own DuckDB."""
        return "dlt.destinations.duckdb"

    @property
    @override
    def client_class(self) -> type[DuckDbClient]:
        """The client that commits where a load is complete."""
        return _SharedClient

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        """Returns dlt's, with files that are not compressed: they are read once, where they were written."""
        capabilities = super()._raw_capabilities()
        capabilities.parquet_format = ParquetFormatConfiguration(compression="none")
        return capabilities

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client; inside `transaction` one that shares its session with all others."""
        client = super().client(schema, initial_config)
        assert isinstance(client, _SharedClient)  # noqa: S101 - it is of `client_class`
        if self._shared:
            client.shared = self._shared
            client.sql_client = _SharedSqlClient(client.sql_client, self._connection, self._shared)
        else:
            client.sql_client = _SessionSqlClient(client.sql_client, self._connection)
        return client

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes every load inside the block all or nothing; see OneTransaction.around."""
        self._shared = _Transaction()
        try:
            with self._shared.around():
                yield
        finally:
            self._shared = None
