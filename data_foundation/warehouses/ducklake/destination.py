"""dlt's DuckLake destination with one transaction for each load, which DuckLake refuses if another load came first.

DuckLake keeps a list of snapshots: a commit adds the next one, which only one process can do, and the others compare
what they did with what was committed meanwhile. Two inserts into one table do not contradict each other for DuckLake,
but they do for us: both may have read the source from the same cursor. So each load also changes the comment of a table
of its own, `_dlt_fence_<schema>`, and of two transactions that alter one table DuckLake refuses the later one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import duckdb
from dlt.common.destination.exceptions import DestinationTransientException
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.impl.duckdb.factory import DuckDbTypeMapper
from dlt.destinations.impl.ducklake.ducklake import DuckLakeClient, DuckLakeMergeFollowupJob
from dlt.destinations.impl.ducklake.factory import ducklake as ducklake_destination
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient
from dlt.destinations.sql_client import raise_database_error
from typing_extensions import override

from data_foundation.errors import LoadOvertaken
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.duckdb.shared_session import SharedDuckDBSession
from data_foundation.warehouses.ducklake.locks import catalogue_lock, take_advisory_locks
from data_foundation.warehouses.one_load import OneTransaction
from data_foundation.warehouses.sql.version_merge import VersionMerge
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    CommittingClient,
    ReplacedSqlClient,
    TransactionalDestination,
    one_transaction,
    parquet_settings,
)

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema import TColumnSchema

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.ducklake.attached import AttachedLake
    from data_foundation.warehouses.ducklake.place import Place
    from data_foundation.warehouses.fence import Fence

FENCE = "_dlt_fence_"
"""Beginning of the name of the tables whose comment each load changes."""

ATTEMPTS = 10
"""How often a statement outside of a load is executed, if each time another process commits first."""

_CONFLICTS = ("conflict", "database is locked", "does not have any columns")
"""Parts of the messages of a commit that another one has overtaken; the last is of a catalogue in SQLite."""


class _DuckLakeTransaction(OneTransaction):
    """A transaction of one session of DuckDB, shared by all clients of the load.

    Attributes:
        session: The session.
        fence: What must still hold at the commit; None for nothing.
    """

    def __init__(self, destination: TransactionalDuckLake, fence: Fence | None) -> None:
        super().__init__()
        self.session = destination.new_session()
        self.fence = fence
        self._destination = destination
        self._locks: duckdb.DuckDBPyConnection | None = None

    def begin(self) -> None:
        """Begins the transaction: what it sees is the newest snapshot from now on."""
        self.session.begin()

    @override
    def lock(self, names: Iterable[str]) -> None:
        assert self.fence  # noqa: S101 - locks are those of a fence
        tables = [f'"{self.fence.dataset}"."{FENCE}{name}"' for name in (self.fence.schema, *sorted(self.fence.shared))]
        if not self._destination.place.file:
            self._locks = self._destination.new_session()
            take_advisory_locks(self._locks, names)
        for table in tables:
            self._destination.run_until_committed(f'CREATE SCHEMA IF NOT EXISTS "{self.fence.dataset}"')
            self._destination.run_until_committed(f"CREATE TABLE IF NOT EXISTS {table} (number BIGINT)")
        self.begin()
        for table in tables:
            self.session.execute(f"COMMENT ON TABLE {table} IS '{uuid.uuid4().hex}'")

    @override
    def commit_session(self) -> None:
        try:
            self.session.commit()
        except duckdb.Error as error:
            reason = self._explain(error)
            self.fail(reason)
            raise reason from error
        self.begin()

    def _explain(self, error: duckdb.Error) -> Exception:
        """Returns why the commit failed: another load of the table, or another change, which a retry passes."""
        if not any(part in str(error) for part in _CONFLICTS):
            return DuckLakeSqlClient._make_database_exception(error)  # noqa: SLF001 - as of statements
        try:
            # The session has no transaction now, and so sees the newest snapshot.
            if self.fence:
                self.fence.check_in(self._destination)
        except LoadOvertaken as overtaken:
            return overtaken
        except DatabaseException:
            return DestinationTransientException(str(error))
        return DestinationTransientException(str(error))

    @override
    def end(self) -> None:
        # To close a session rolls back its transaction.
        self.session.close()
        if self._locks:
            self._locks.close()


class _SessionSqlClient(ReplacedSqlClient, DuckLakeSqlClient):
    """Executes each statement in a session of its own, and commits it."""

    def __init__(self, replaced: Any, destination: TransactionalDuckLake) -> None:
        super().__init__(replaced)
        self._destination = destination

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        self._conn = self._destination.new_session()
        return self._conn

    @override
    def close_connection(self) -> None:
        if self._conn:
            self._conn.close()
            self._conn = None  # type: ignore[assignment] # as in dlt's own

    @override
    def create_dataset(self) -> None:
        self.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {self.fully_qualified_dataset_name()}")

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        values = args or kwargs or None
        query = query.replace("%s", "?") if values else query
        if query.lstrip()[:6].upper() in ("SELECT", "BEGIN ", "ROLLBA", "WITH "):
            executed: Any = self._conn.execute(query, values)
        else:
            executed = self._destination.run_until_committed(query, values, self._conn)
        yield self.cursor_impl(executed)


class _SharedSqlClient(SharedDuckDBSession, DuckLakeSqlClient):
    """Executes in the transaction of the current load."""

    def __init__(self, replaced: Any, load: _DuckLakeTransaction) -> None:
        super().__init__(replaced)
        self.load = load
        self.session = load.session

    @override
    def create_dataset(self) -> None:
        self.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {self.fully_qualified_dataset_name()}")


class _DuckLakeMerge(VersionMerge, DuckLakeMergeFollowupJob):
    """dlt's merges for DuckLake, with ours of versions."""


class _DuckLakeClient(CommittingClient, DuckLakeClient):
    """Knows which types DuckLake changes in place, and reads the columns of the lake alone."""

    merge_job = _DuckLakeMerge

    column_rows = (
        "SELECT schema_name AS table_schema, table_name, column_name, data_type AS kind, "
        "CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS nullable, "
        "CASE WHEN coalesce(column_default, 'NULL') = 'NULL' THEN 'NO' ELSE 'YES' END AS filled, "
        "column_index AS ordinal_position FROM duckdb_columns() WHERE database_name = current_database()"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.active_hints = {}

    @override
    def can_alter(self, old: TColumnSchema | None, new: TColumnSchema) -> bool:
        """Returns whether an integer only gets more bits: of the changes that lose nothing, DuckLake makes this one."""
        return bool(old) and (old or {})["data_type"] == new["data_type"] == "bigint"

    @override
    def alter_type(self, table: str, name: str, column: TColumnSchema, *, keeps_values: bool = True) -> str:
        # Without USING, which DuckLake does not have.
        return super().alter_type(table, name, column, keeps_values=keeps_values).partition(" USING ")[0]


class _TypeMapper(DuckDbTypeMapper):
    """Maps integers of 128 bits to decimals: DuckLake stores HUGEINT as DOUBLE, which rounds."""

    @override
    def to_db_integer_type(self, column: TColumnSchema, table: PreparedTableSchema = None) -> str:  # type: ignore[assignment] # dlt's None is implicit
        kind = super().to_db_integer_type(column, table)
        return "DECIMAL(38,0)" if kind == "HUGEINT" else kind


class TransactionalDuckLake(TransactionalDestination[_DuckLakeTransaction], ResolvedOnce, ducklake_destination):
    """dlt's DuckLake destination over an attached lake, with loads that take effect as a whole."""

    dlt_type = "dlt.destinations.ducklake"
    client_type = _DuckLakeClient

    def __init__(self, place: Place, lake: AttachedLake | None = None) -> None:
        """Creates the destination.

        Args:
            place: Where the lake is.
            lake: The attached lake; None for a destination that only knows names and capabilities.
        """
        # dlt gets sessions, and never attaches the lake.
        credentials = {"catalog": "sqlite:///:memory:", "storage": "file:///"}
        super().__init__(credentials, **AS_NAMED)
        self.place = place
        self._lake = lake

    def new_session(self) -> duckdb.DuckDBPyConnection:
        """Returns a new session whose database is the lake."""
        assert self._lake  # noqa: S101 - `open` gives one
        return self._lake.session()

    def run_until_committed(
        self, statement: str, values: Any = None, session: duckdb.DuckDBPyConnection | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Executes and commits a statement; again, while other processes commit at the same moment.

        Args:
            statement: SQL with `?` for each value.
            values: The values.
            session: The session to use; default: a new one.
        """
        session = session or self.new_session()
        for left in reversed(range(ATTEMPTS)):
            try:
                # A load has the lock already.
                with nullcontext() if self.load else catalogue_lock(self.place):
                    return session.execute(statement, values)
            except duckdb.TransactionException as error:
                if not left or not any(part in str(error) for part in _CONFLICTS):
                    raise
        raise AssertionError  # the last attempt returns or raises

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        # Files are read once, on the machine that wrote them.
        capabilities.parquet_format = parquet_settings(compression="none")
        capabilities.type_mapper = _TypeMapper
        return capabilities

    @override
    def prepare(self, client: _DuckLakeClient) -> None:
        client.load = self.load
        client.sql_client = (
            _SharedSqlClient(client.sql_client, self.load) if self.load else _SessionSqlClient(client.sql_client, self)
        )

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        with catalogue_lock(self.place):
            load = _DuckLakeTransaction(self, fence)
            if not fence:
                load.begin()
            with one_transaction(self, "main", load, first, fence):
                yield
