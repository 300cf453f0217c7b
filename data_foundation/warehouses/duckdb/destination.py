"""dlt's DuckDB destination with one transaction for each load: readers see the old tables or the new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from typing_extensions import override

from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.duckdb.bounded_copy import BoundedCopy
from data_foundation.warehouses.duckdb.shared_session import SharedDuckDBSession
from data_foundation.warehouses.one_load import OneTransaction
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    CommittingClient,
    ReplacedSqlClient,
    TransactionalDestination,
    one_transaction,
    parquet_settings,
)

if TYPE_CHECKING:
    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence


class _DuckDBTransaction(OneTransaction):
    """A transaction of one DuckDB session, shared by all clients of the load.

    Attributes:
        session: The session, None until the first client opens one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session: duckdb.DuckDBPyConnection | None = None

    def begin(self, session: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Makes `session` the shared one and returns it."""
        # dlt's own value: a load is written to the file once, and not each time that a number of bytes is reached.
        session.execute("SET GLOBAL checkpoint_threshold = '1gb'")
        session.begin()
        self.session = session
        return session

    @override
    def commit_session(self) -> None:
        if self.session:
            self.session.commit()
            self.session.begin()

    @override
    def end(self) -> None:
        if self.session:
            # A commit that failed has ended the transaction; to close the session rolls back any other.
            self.session.close()


class _SessionSqlClient(ReplacedSqlClient, DuckDbSqlClient):
    """Opens sessions of an open connection without the six statements with which dlt sets up each of its own.

    In dlt 1.31.0 these set the time zone and a threshold for all sessions, DuckDB's own defaults, and a search path for
    tables named without their schema, which neither dlt nor this project uses.
    """

    def __init__(self, replaced: DuckDbSqlClient, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(replaced)
        self._connection = connection

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        self._conn = self.open_session()
        return self._conn

    def open_session(self) -> duckdb.DuckDBPyConnection:
        """Returns a new session; dlt sets it up if its settings have anything for sessions."""
        configured = self.credentials
        settings = (configured.extensions, configured.global_config, configured.pragmas, configured.statements,
                    configured.local_config)  # fmt: skip
        if any(settings) or configured.session_timezone != "UTC":
            configured.parse_native_representation(self._connection)  # as if dlt had been given it, and not the path
            configured.conn_pool = DuckDbConnectionPool(configured)
            return DuckDbSqlClient.open_connection(self)
        return self._connection.cursor()

    @override
    def close_connection(self) -> None:
        if self._conn:
            self._conn.close()
            self._conn = None  # type: ignore[assignment] # as in dlt's own


class _SharedSqlClient(SharedDuckDBSession, _SessionSqlClient):
    """Executes in the transaction of the current load."""

    load: _DuckDBTransaction

    def __init__(
        self, replaced: DuckDbSqlClient, connection: duckdb.DuckDBPyConnection, load: _DuckDBTransaction
    ) -> None:
        super().__init__(replaced, connection)
        self.load = load

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        session = self.load.session or self.load.begin(self.open_session())
        self._conn = session
        return session


class _DuckDBClient(CommittingClient, DuckDbClient):
    """Copies files within a memory limit, and does not compress the column `_dlt_id`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # To search for a compression takes a sixth of a copy's CPU with eleven other columns, and saves 4 bytes an id.
        self.active_hints = {**self.active_hints, "row_key": "USING COMPRESSION uncompressed"}

    @override
    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
        job = super().create_load_job(table, file_path, load_id, restore)
        is_parquet = type(job) is DuckDbCopyJob and file_path.endswith(".parquet")
        return BoundedCopy(file_path) if is_parquet else job


class TransactionalDuckDB(TransactionalDestination[_DuckDBTransaction], ResolvedOnce, duckdb_destination):
    """dlt's DuckDB destination over an open connection, with loads that take effect as a whole."""

    dlt_type = "dlt.destinations.duckdb"
    client_type = _DuckDBClient

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str = ":memory:") -> None:
        """Creates the destination.

        Args:
            connection: An open connection in UTC.
            path: The file it is connected to.
        """
        # Given a connection, dlt queries its path twice each time that settings are resolved.
        super().__init__(connection if path == ":memory:" else path, **AS_NAMED)
        self._connection = connection

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        """Returns dlt's, with uncompressed files: they are read once, on the machine that wrote them."""
        capabilities = super()._raw_capabilities()
        capabilities.parquet_format = parquet_settings(compression="none")
        return capabilities

    @override
    def prepare(self, client: _DuckDBClient) -> None:
        client.load = self.load
        client.sql_client = (
            _SharedSqlClient(client.sql_client, self._connection, self.load)
            if self.load
            else _SessionSqlClient(client.sql_client, self._connection)
        )

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        # One process at a time has the file open, and its threads hold the lock of the resource: no lock is taken here.
        with one_transaction(self, "main", _DuckDBTransaction(), first, fence):
            yield
