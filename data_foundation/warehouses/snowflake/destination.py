"""dlt's Snowflake destination with one transaction for each load: files are staged, then all tables change at once.

DDL commits the open transaction, so a load has three parts. First, what readers do not see: new schemas, tables and
columns, which are empty; files put into stages; tables of the staging schema. Second, between BEGIN and COMMIT, all
that readers see, dlt's own tables included. Third, the staged files are removed.
"""

from __future__ import annotations

import logging
import re
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
from typing_extensions import override

from data_foundation.dlt_keys import CLUSTER_BY
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.connection import execute_all, is_ddl
from data_foundation.warehouses.fence import read_newest_load
from data_foundation.warehouses.snowflake.errors import explain_refusal
from data_foundation.warehouses.snowflake.locks import begin_with_locks
from data_foundation.warehouses.snowflake.statements import StagedFiles, StagedLoad
from data_foundation.warehouses.snowflake.version_merge import VersionMerge
from data_foundation.warehouses.state_query import StateWithSchema
from data_foundation.warehouses.table_growth import GrowingTables
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    SharedSessionSqlClient,
    TransactionalDestination,
    parquet_settings,
)

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext, PreparedTableSchema
    from dlt.common.destination.client import FollowupJobRequest, LoadJob
    from dlt.common.schema.typing import TColumnSchema
    from snowflake.connector import SnowflakeConnection

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence

logger = logging.getLogger(__name__)


class _SnowflakeSqlClient(SharedSessionSqlClient, SnowflakeSqlClient):
    """Executes on the shared session, in which a statement outside of BEGIN and COMMIT commits by itself."""

    def __init__(
        self, replaced: SnowflakeSqlClient, session: SnowflakeConnection | None, load: StagedLoad | None
    ) -> None:
        super().__init__(replaced)
        self.session = session
        self.load = load

    @override
    def create_dataset(self) -> None:
        """Creates the schema unless it exists; the staging schema is transient, so Fail-safe does not bill it."""
        kind = "TRANSIENT SCHEMA" if self.is_staging_dataset_active else "SCHEMA"
        self.execute_sql(f"CREATE {kind} IF NOT EXISTS {self.fully_qualified_dataset_name()}")

    @override
    def truncate_tables(self, *tables: str) -> None:
        """Empties tables in the load's transaction; those of the staging schema become tables of the session alone.

        Another machine that loads the same table would otherwise change the rows between their COPY and their merge.
        """
        if self.load is None:
            super().truncate_tables(*tables)
        elif self.is_staging_dataset_active:
            # The temporary tables of dlt's merges come into the current schema too.
            self.execute_sql(f"USE SCHEMA {self.fully_qualified_dataset_name()}")
            for table in tables:
                # A temporary table hides the one of the same name, so its columns come by way of a third.
                own, columns = map(self.make_qualified_table_name, (table, f"{table}__columns"))
                self.execute_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {columns} LIKE {own}")
                self.execute_sql(f"CREATE TEMPORARY TABLE {own} LIKE {columns}")
        else:
            self.load.emptied += map(self.make_qualified_table_name, tables)

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        # Unlike dlt's own, does not roll back and log in again after an error: `complete_load` rolls back.
        with self._conn.cursor() as cursor:
            cursor.execute(query, args or kwargs or None, num_statements=0)
            executed: Any = cursor
            yield SnowflakeCursorImpl(executed)

    @classmethod
    @override
    def _make_database_exception(cls, ex: Exception) -> Exception:
        return explain_refusal(ex) or super()._make_database_exception(ex)


class _StageFile(RunnableLoadJob, HasFollowupJobs):
    """Puts one file into the stage of its table and adds it to the load."""

    @override
    def run(self) -> None:
        client, load = _client_and_load(self._job_client)
        load.refuse_after_error()
        sql = client.sql_client
        path = Path(self._file_path)
        # The slash at its end: REMOVE takes a prefix, and the id of one load may begin that of another.
        folder = f'@{sql.make_qualified_table_name("%" + self.load_table_name)}/"{self._load_id}"/'
        put = f"PUT {escape_snowflake_literal(f'file://{path.as_posix()}')} {escape_snowflake_literal(folder)}"
        try:
            sql.execute_sql(f"{put} OVERWRITE = TRUE, AUTO_COMPRESS = FALSE")
        except Exception as error:
            # Terminal, because dlt would retry each file five times; the loader retries the load in a new session.
            load.fail(error)
            raise DatabaseTerminalException(error) from error
        columns = [
            (name, sql.escape_column_name(name), column["data_type"] == "json")
            for name, column in client.schema.get_table_columns(self.load_table_name).items()
        ]
        staged = StagedFiles(sql.make_qualified_table_name(self.load_table_name), folder, columns)
        load.add_file(staged, path.name, is_staging=sql.is_staging_dataset_active)


class _CollectMerge(SqlLoadJob):
    """Adds the statements that merge a table to the load."""

    @override
    def run(self) -> None:
        _, load = _client_and_load(self._job_client)
        with FileStorage.open_zipsafe_ro(self._file_path, "r", encoding="utf-8") as file:
            load.add_merge(self._split_fragments(file.read()))


def _client_and_load(client: Any) -> tuple[_SnowflakeClient, StagedLoad]:
    """Returns the client that made a job, and its load."""
    assert isinstance(client, _SnowflakeClient)  # noqa: S101 - it made the job
    assert client.load  # noqa: S101 - rows are loaded inside `transaction` only
    return client, client.load


class _SnowflakeClient(GrowingTables, StateWithSchema, SnowflakeClient):
    """Collects the statements of a load, and executes them when dlt calls the load complete.

    Attributes:
        load: The current load, None outside of one; `complete_load` is then dlt's own.
    """

    load: StagedLoad | None = None
    random_id = "REPLACE(UUID_STRING(), '-', '')"
    column_list = "LISTAGG({0}, CHR(30)) WITHIN GROUP (ORDER BY ordinal_position)"
    column_rows = (
        "SELECT table_schema, table_name, column_name, data_type || CASE data_type "
        "WHEN 'NUMBER' THEN '(' || numeric_precision || ',' || numeric_scale || ')' "
        "WHEN 'TEXT' THEN '(' || character_maximum_length || ')' "
        "ELSE COALESCE('(' || datetime_precision || ')', '') END AS kind, is_nullable AS nullable, "
        "CASE WHEN column_default IS NULL THEN 'NO' ELSE 'YES' END AS filled, ordinal_position "
        "FROM INFORMATION_SCHEMA.COLUMNS"
    )

    @staticmethod
    @override
    def spell(kind: str) -> str:
        # The longest text, and the finest time, are what a type without a number stands for. LTZ and TZ hold the same
        # moments.
        spelled = kind.upper().replace("VARCHAR", "TEXT").replace("DECIMAL(", "NUMBER(").replace("_TZ", "_LTZ")
        return re.sub(r"(?<=^TEXT)\(\d{8,}\)$|(?<=^TIME|_LTZ|_NTZ)\(9\)$", "", spelled)

    @override
    def can_alter(self, old: TColumnSchema | None, new: TColumnSchema) -> bool:
        """Returns whether a type only becomes longer: all that Snowflake changes in place."""
        kinds = old["data_type"] if old else "", new["data_type"]
        is_number = set(kinds) <= {"bigint", "decimal"} and (old or {}).get("scale", 0) == new.get("scale", 0)
        return is_number or kinds == ("text", "text")

    @override
    def alter_type(self, table: str, name: str, column: TColumnSchema, *, keeps_values: bool = True) -> str:
        # Without USING, which Snowflake does not have.
        return super().alter_type(table, name, column, keeps_values=keeps_values).partition(" USING ")[0]

    @override
    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        return [VersionMerge.from_table_chain(table_chain, self.sql_client)]

    @override
    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        return _CollectMerge(file_path) if SqlLoadJob.is_sql_job(file_path) else _StageFile(file_path)

    @override
    def complete_load(self, load_id: str) -> None:
        if self.load is None:
            super().complete_load(load_id)
            return
        for statement in self.load.before():
            self.sql_client.execute_sql(statement)
        fence = self.load.fence
        begin_with_locks(self.sql_client, fence.locks if fence else ())
        try:
            if fence:
                fence.check(read_newest_load(self.sql_client, fence.schema))
            for statement, values in self.load.changes():
                self.sql_client.execute_sql(statement, *values)
            super().complete_load(load_id)
            self.load.before_commit()
            self.sql_client.execute_sql("COMMIT")
        except BaseException:
            # A session that is lost was rolled back by Snowflake.
            with suppress(Exception):
                self.sql_client.execute_sql("ROLLBACK")
            raise
        self._remove_staged(self.load)

    def _remove_staged(self, load: StagedLoad) -> None:
        for folder in load.folders():
            try:
                self.sql_client.execute_sql(f"REMOVE {escape_snowflake_literal(folder)}")
            except Exception as error:  # noqa: BLE001 - the rows are committed
                logger.warning("%s could not be removed and costs storage until it is: %s", folder, error)

    @override
    def _make_create_table(self, qualified_name: str, table: PreparedTableSchema) -> str:
        # Two loads may create dlt's tables at once, and a killed load may have created the table already.
        del table
        return f"CREATE TABLE IF NOT EXISTS {qualified_name}"

    @override
    def _add_cluster_sql(self, sql: list[str], table_name: str, generate_alter: bool) -> list[str]:
        columns: Sequence[str] = self.schema.get_table(table_name).get(CLUSTER_BY) or ()  # type: ignore[assignment]
        if columns and not generate_alter:
            sql[0] += self._get_cluster_sql(columns)
        return sql


class TransactionalSnowflake(TransactionalDestination[StagedLoad], ResolvedOnce, snowflake_destination):
    """dlt's Snowflake destination over one session, with loads that take effect as a whole."""

    dlt_type = "dlt.destinations.snowflake"
    client_type = _SnowflakeClient

    def __init__(self, credentials: Any, session: SnowflakeConnection | None = None) -> None:
        super().__init__(credentials, **AS_NAMED)
        self._session = session

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        # An error inside a request of several statements has no error number.
        capabilities.supports_multiple_statements = False
        # For dlt's own tables too, so that all rows are loaded in the same way.
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.parquet_format = parquet_settings()
        return capabilities

    @override
    def prepare(self, client: _SnowflakeClient) -> None:
        client.load = self.load
        client.sql_client = _SnowflakeSqlClient(client.sql_client, self._session, self.load)

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        if fence:
            # A load that is overtaken already changes no table; the lock comes after DDL, which would release it.
            fence.check_in(self)
        # DDL commits: it is executed before anything else, and changes no value.
        execute_all(self, "PUBLIC", [statement for statement in first if is_ddl(statement[0])])
        changes = [statement for statement in first if not is_ddl(statement[0])]
        with self.sharing(StagedLoad(changes, fence)) as load, load.raising_first_error():
            yield
