"""One load to Snowflake as one transaction: files are staged first, then all tables change at once.

DDL commits whatever transaction is open, so a load has three parts. What readers cannot see comes first: schemas,
tables and columns that are new and empty, files put into stages, tables of the staging schema. Then, between BEGIN and
COMMIT, everything that they do see, dlt's own tables included. Then what was staged is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.common.data_writers.escape import escape_snowflake_literal
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.storages.file_storage import FileStorage
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.impl.snowflake.factory import snowflake as snowflake_destination
from dlt.destinations.impl.snowflake.snowflake import SnowflakeClient
from dlt.destinations.impl.snowflake.sql_client import SnowflakeCursorImpl, SnowflakeSqlClient
from dlt.destinations.job_client_impl import SqlLoadJob
from dlt.destinations.sql_client import raise_database_error
from dlt.destinations.typing import DBTransaction
from dlt.pipeline.exceptions import PipelineStepFailed
from typing_extensions import override

from data_foundation.dlt_keys import CLUSTER_BY
from data_foundation.warehouses.base import AS_NAMED
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.snowflake.errors import explain_refusal
from data_foundation.warehouses.snowflake.statements import OneLoad, StagedFiles
from data_foundation.warehouses.state_query import StateWithSchema

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext, PreparedTableSchema
    from dlt.common.destination.client import LoadJob
    from snowflake.connector import SnowflakeConnection

    from data_foundation.warehouses.base import Statement

logger = logging.getLogger(__name__)


class _SharedSqlClient(SnowflakeSqlClient):
    """Uses the session that it is given, in which every statement outside of a load's transaction commits itself."""

    def __init__(self, client: SnowflakeSqlClient, session: SnowflakeConnection | None, load: OneLoad | None) -> None:
        super().__init__(client.dataset_name, client.staging_dataset_name, client.credentials, client.capabilities)
        self.session = session
        self.load = load

    @override
    def open_connection(self) -> SnowflakeConnection:
        assert self.session  # noqa: S101 - a destination without one is asked for names only
        self._conn = self.session
        return self._conn

    @override
    def close_connection(self) -> None:
        self._conn = None  # type: ignore[assignment] # as dlt's own does

    @contextmanager
    @override
    def begin_transaction(self) -> Iterator[DBTransaction]:
        yield self

    @override
    def create_dataset(self) -> None:
        """Creates the schema where another load has not just done so; that of staging costs no fail-safe."""
        kind = "TRANSIENT SCHEMA" if self.is_staging_dataset_active else "SCHEMA"
        self.execute_sql(f"CREATE {kind} IF NOT EXISTS {self.fully_qualified_dataset_name()}")

    @override
    def truncate_tables(self, *tables: str) -> None:
        """Empties tables: at once in the staging schema, elsewhere in the load's transaction."""
        if self.load is None or self.is_staging_dataset_active:
            super().truncate_tables(*tables)
        else:
            self.load.emptied += map(self.make_qualified_table_name, tables)

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        # dlt's own would roll back and log in anew when a statement fails: here the load does.
        with self._conn.cursor() as cursor:
            cursor.execute(query, args or kwargs or None, num_statements=0)
            executed: Any = cursor
            yield SnowflakeCursorImpl(executed)

    @classmethod
    @override
    def _make_database_exception(cls, ex: Exception) -> Exception:
        return explain_refusal(ex) or super()._make_database_exception(ex)


class _StageFile(RunnableLoadJob, HasFollowupJobs):
    """Puts one file into the stage of its table and tells the load of it."""

    @override
    def run(self) -> None:
        client = self._job_client
        assert isinstance(client, _Client)  # noqa: S101 - it made this job
        assert client.load  # noqa: S101 - files come with a load
        sql = client.sql_client
        path = Path(self._file_path)
        folder = f'@{sql.make_qualified_table_name("%" + self.load_table_name)}/"{self._load_id}"'
        if client.load.error:
            raise DatabaseTerminalException(client.load.error)
        put = f"PUT {escape_snowflake_literal(f'file://{path.as_posix()}')} {escape_snowflake_literal(folder)}"
        try:
            sql.execute_sql(f"{put} OVERWRITE = TRUE, AUTO_COMPRESS = FALSE")
        except Exception as error:
            # dlt would try each file five times over; the loader tries the load again, with another session.
            client.load.error = client.load.error or error
            raise DatabaseTerminalException(error) from error
        columns = [
            (name, sql.escape_column_name(name), column["data_type"] == "json")
            for name, column in client.schema.get_table_columns(self.load_table_name).items()
        ]
        staged = StagedFiles(sql.make_qualified_table_name(self.load_table_name), folder, columns)
        client.load.add_file(staged, path.name, is_staging=sql.is_staging_dataset_active)


class _GatherMerge(SqlLoadJob):
    """Tells the load of the statements that merge a table."""

    @override
    def run(self) -> None:
        client = self._job_client
        assert isinstance(client, _Client)  # noqa: S101 - it made this job
        assert client.load  # noqa: S101 - a merge comes with a load
        with FileStorage.open_zipsafe_ro(self._file_path, "r", encoding="utf-8") as file:
            client.load.add_merge(self._split_fragments(file.read()))


class _Client(StateWithSchema, SnowflakeClient):
    """Gathers where dlt's own executes, and executes where a load is complete."""

    load: OneLoad | None = None

    @override
    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        return _GatherMerge(file_path) if SqlLoadJob.is_sql_job(file_path) else _StageFile(file_path)

    @override
    def complete_load(self, load_id: str) -> None:
        if self.load is None:
            super().complete_load(load_id)
            return
        if self.load.merges:
            # Where dlt's temporary tables are made.
            with self.sql_client.with_staging_dataset():
                self.sql_client.execute_sql(f"USE SCHEMA {self.sql_client.fully_qualified_dataset_name()}")
        for statement in self.load.before():
            self.sql_client.execute_sql(statement)
        self.sql_client.execute_sql("BEGIN")
        try:
            for statement, values in self.load.changes():
                self.sql_client.execute_sql(statement, *values)
            super().complete_load(load_id)
            self.sql_client.execute_sql("COMMIT")
        except BaseException:
            # A session that is gone has nothing to roll back.
            with suppress(Exception):
                self.sql_client.execute_sql("ROLLBACK")
            raise
        self._remove_staged()

    def _remove_staged(self) -> None:
        assert self.load  # noqa: S101 - it has just been completed
        for folder in self.load.folders():
            try:
                self.sql_client.execute_sql(f"REMOVE {escape_snowflake_literal(folder)}")
            except Exception as error:  # noqa: BLE001 - what was loaded was loaded
                logger.warning("%s could not be removed and costs storage until it is: %s", folder, error)

    @override
    def _make_create_table(self, qualified_name: str, table: PreparedTableSchema) -> str:
        # Two loads may create dlt's tables at the same moment, and one that was killed may have created its own.
        del table
        return f"CREATE TABLE IF NOT EXISTS {qualified_name}"

    @override
    def _add_cluster_sql(self, sql: list[str], table_name: str, generate_alter: bool) -> list[str]:
        columns: Sequence[str] = self.schema.get_table(table_name).get(CLUSTER_BY) or ()  # type: ignore[assignment]
        if columns and not generate_alter:
            sql[0] += self._get_cluster_sql(columns)
        return sql


class TransactionalSnowflake(ResolvedOnce, snowflake_destination):
    """dlt's Snowflake destination over one session, with loads that take effect as a whole."""

    def __init__(self, credentials: Any, session: SnowflakeConnection | None = None) -> None:
        super().__init__(credentials, **AS_NAMED)
        self._session = session
        self._load: OneLoad | None = None

    @property
    @override
    def destination_type(self) -> str:
        """The one that the state in the warehouse names: to dlt this is its own Snowflake."""
        return "dlt.destinations.snowflake"

    @property
    @override
    def client_class(self) -> type[SnowflakeClient]:
        """The client that changes tables where a load is complete."""
        return _Client

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        # An error inside of several statements comes without its number.
        capabilities.supports_multiple_statements = False
        # dlt's own tables too: one way in.
        capabilities.preferred_loader_file_format = "parquet"
        return capabilities

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client of the session, and of the load that is going on."""
        client = super().client(schema, initial_config)
        assert isinstance(client, _Client)  # noqa: S101 - it is of `client_class`
        client.load = self._load
        client.sql_client = _SharedSqlClient(client.sql_client, self._session, self._load)
        return client

    @contextmanager
    def transaction(self, first: Sequence[Statement] = ()) -> Iterator[None]:
        """Makes the load inside the block all or nothing.

        Args:
            first: Done in the same transaction, before.
        """
        self._load = OneLoad(first)
        try:
            yield
        except PipelineStepFailed as failed:
            failed.exception = self._load.error or failed.exception
            raise
        finally:
            self._load = None
