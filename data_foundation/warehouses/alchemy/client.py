"""dlt's job client for databases of SQLAlchemy: compares real columns, and takes part in the transaction of a load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.schema.utils import get_first_column_name_with_prop, get_nested_tables, is_nested_table
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.impl.sqlalchemy.load_jobs import SqlalchemyParquetInsertJob
from dlt.destinations.impl.sqlalchemy.sqlalchemy_job_client import SqlalchemyJobClient
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.alchemy.rows_to_sql import as_insert_lists, as_sqlite_rows, read_batches
from data_foundation.warehouses.alchemy.session import SessionLoad, SessionSqlClient
from data_foundation.warehouses.fence import newest_load_query
from data_foundation.warehouses.sql.translation import translate
from data_foundation.warehouses.table_columns import TableColumn, TypedColumns, WarehouseTables

if TYPE_CHECKING:
    from dlt.common.destination import PreparedTableSchema
    from dlt.common.destination.client import LoadJob, StateInfo, StorageSchemaInfo
    from dlt.common.schema.typing import TColumnSchema

    from data_foundation.warehouses.alchemy.dialects import Dialect


class _InsertFile(RunnableLoadJob, HasFollowupJobs):
    """Inserts the rows of one parquet file."""

    def __init__(self, file_path: str, table: sa.Table) -> None:
        super().__init__(file_path)
        self._table = table

    @override
    def run(self) -> None:
        client = self._job_client
        assert isinstance(client, AlchemyClient)  # noqa: S101 - it made this job
        client.insert(self._table, Path(self._file_path))


class _InsertRows(SqlalchemyParquetInsertJob):
    """dlt's own job, for databases whose literals are not known here."""


class AlchemyClient(TypedColumns, SqlalchemyJobClient):
    """A job client on the session of a load.

    Attributes:
        load: The current load, None outside of one.
        rules: What only this database has.
    """

    load: SessionLoad | None = None
    rules: Dialect
    sql_client: SessionSqlClient

    def insert(self, table: sa.Table, path: Path) -> None:
        """Inserts the rows of a parquet file into a table of the dataset or of its staging dataset.

        Raises:
            ValueRefused: The database would store another value.
        """
        with self.sql_client.guarded():
            self._insert_batches(self.sql_client.make_qualified_table_name(table.name), path)

    def _insert_batches(self, name: str, path: Path) -> None:
        for batch in read_batches(path):
            columns = ", ".join(map(self.sql_client.escape_column_name, batch.schema.names))
            if self.sql_client.dialect_name == "sqlite":
                marks = ", ".join("?" * batch.num_columns)
                self._run(f"INSERT INTO {name} ({columns}) VALUES ({marks})", list(as_sqlite_rows(batch)))  # noqa: S608 - quoted by dlt
            else:
                for rows in as_insert_lists(batch):
                    self._run(f"INSERT INTO {name} ({columns}) VALUES {rows}")  # noqa: S608 - the same

    def _run(self, statement: str, rows: Sequence[Any] | None = None) -> None:
        """Executes a statement of the driver, in the load's transaction."""
        if self.load:
            self.load.begin()
        with self.sql_client.begin_transaction():
            session = self.sql_client.session
            assert session is not None  # noqa: S101 - rows are loaded in an open session only
            # Without parameters the driver must not look for places of them: PyMySQL makes `{}` of a `%s` in a text.
            session.exec_driver_sql(statement, rows, execution_options={"no_parameters": rows is None})

    @override
    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        if ParsedLoadJobFileName.parse(file_path).file_format != "parquet":
            return super().create_load_job(table, file_path, load_id, restore)
        known = self.sql_client.dialect_name in {"mysql", "mariadb", "sqlite"}
        return (_InsertFile if known else _InsertRows)(file_path, self._to_table_object(table))

    @override
    def update_stored_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Creates tables and columns, fills the ids of new ones, and then executes what the load changes in rows."""
        update = super().update_stored_schema(*args, **kwargs)
        if not self.sql_client.is_staging_dataset_active:
            for statement in self._fill_ids():
                self.sql_client.execute_sql(statement)
        if self.load and not self.rules.ddl_commits:
            for sql, values in self.load.take_changes():
                self.sql_client.execute_sql(sql, *values)
        return update

    @override
    def _update_schema_in_storage(self, schema: Any) -> None:
        if self.load and not self.load.has_begun:
            self.load.on_begin.append(partial(self._store_schema, schema, self.sql_client.dataset_name))
        else:
            super()._update_schema_in_storage(schema)

    def _store_schema(self, schema: Any, dataset: str) -> None:
        with self.sql_client.with_alternative_dataset_name(dataset):
            super()._update_schema_in_storage(schema)

    @override
    def complete_load(self, load_id: str) -> None:
        super().complete_load(load_id)
        if self.load:
            self.load.commit()

    def _fill_ids(self) -> Iterator[str]:
        """Yields the statements that fill new columns of ids in rows that were there, parents first."""
        grown, self.sql_client.grown = self.sql_client.grown, {}
        roots = [name for name in self.schema.tables if not is_nested_table(self.schema.tables[name])]
        for table in (table for root in roots for table in get_nested_tables(self.schema.tables, root)):
            for name in grown.get(str(table["name"]), ()):
                column = table["columns"][name]
                if column.get("row_key"):
                    yield self._set(table, name, self._random_id())
                elif column.get("root_key"):
                    yield self._set(table, name, self._root_id(table))

    def _random_id(self) -> str:
        if not self.rules.random_id:
            message = "rows without ids are in the table, and no SQL for new ones is known; load with refresh=drop"
            raise WarehouseError(message)
        return self.rules.random_id

    def _set(self, table: Any, column: str, value: str) -> str:
        name = self.sql_client.make_qualified_table_name(table["name"])
        return f"UPDATE {name} SET {self.sql_client.escape_column_name(column)} = {value}"  # noqa: S608 - quoted by dlt

    def _root_id(self, table: Any) -> str:
        """Returns the id of a nested row's root row, by way of its parent's."""
        parent, quote = self.schema.tables[table["parent"]], self.sql_client.escape_column_name
        of_parent = "root_key" if is_nested_table(parent) else "row_key"
        root_id, row_id, parent_id = (
            quote(cast("str", get_first_column_name_with_prop(of, prop)))
            for of, prop in ((parent, of_parent), (parent, "row_key"), (table, "parent_key"))
        )
        child, rows = map(self.sql_client.make_qualified_table_name, (table["name"], table["parent"]))
        return f"(SELECT p.{root_id} FROM {rows} AS p WHERE p.{row_id} = {child}.{parent_id})"  # noqa: S608 - the same

    @override
    def get_stored_state(self, pipeline_name: str) -> StateInfo:
        """Returns the state of the newest committed load; of the synchronised table, its newest load is read first."""
        if pipeline_name == self.shared.pipeline:
            self.shared.client = self
            query = translate(newest_load_query(self.sql_client), self._sql_dialect, (self.shared.schema,))
            newest = self.sql_client.execute_sql(query[0], *query[1])
            self.shared.landed = [str(row[0]) for row in newest or ()]
            self.shared.schemas.clear()
            if newest and (found := self._get_stored_schema(str(newest[0][2]), self.shared.schema)):
                # By its hash: the time at which a version was stored is that of the machine which stored it.
                self.shared.schemas[found.schema_name] = found
        return super().get_stored_state(pipeline_name)

    @property
    def _sql_dialect(self) -> str:
        return str(self.capabilities.sqlglot_dialect)

    @override
    def get_stored_schema(self, schema_name: str | None = None) -> StorageSchemaInfo | None:  # type: ignore[override] # dlt's None is implicit
        """Returns the version of a schema that the newest load has stored, None if there is none."""
        known = self.shared.schemas.pop(schema_name, None) if schema_name else None
        return known or super().get_stored_schema(cast("str", schema_name))

    @override
    def get_stored_schema_by_hash(self, version_hash: str) -> StorageSchemaInfo | None:  # type: ignore[override] # the same
        """Returns the stored version of this content; None if the load must store it again."""
        return None if self.shared.stores_schema else super().get_stored_schema_by_hash(version_hash)

    @override
    def read_columns(self, table: str) -> WarehouseTables:
        main = self._read_dataset(table)
        with self.sql_client.with_staging_dataset():
            return WarehouseTables(main, self._read_dataset(table))

    def _read_dataset(self, table: str) -> dict[str, dict[str, TableColumn]]:
        dataset, session = self.sql_client.dataset_name, self.sql_client.session
        assert session is not None  # noqa: S101 - columns are read in an open session only
        with self.sql_client.begin_transaction():
            if not self.sql_client.has_dataset():
                return {}
            inspector: sa.Inspector = sa.inspect(session)
            names = [*inspector.get_table_names(dataset), *inspector.get_view_names(dataset)]
            return {
                name: {str(column["name"]): self._column(column) for column in inspector.get_columns(name, dataset)}
                for name in names
                if name == table or name.startswith(f"{table}__")
            }

    def _column(self, column: Any) -> TableColumn:
        # MariaDB reports the default of a column without any as the word NULL.
        defaults = (column.get("default") not in {None, "NULL"}, column.get("computed"), column.get("identity"))
        return TableColumn(self._spelled(column["type"]), column["nullable"], any(defaults))

    def _spelled(self, kind: Any) -> str:
        return self.rules.spell(kind.compile(dialect=self.sql_client.dialect))

    @override
    def kind_of(self, table: str, column: TColumnSchema) -> str:
        return self._spelled(self.type_mapper.to_destination_type(column, cast("Any", {"name": table, "columns": {}})))

    @override
    def hints_of(self, kind: str) -> Any:
        return super().hints_of(kind.partition(" COLLATE ")[0])

    @override
    def can_alter(self, old: TColumnSchema | None, new: TColumnSchema) -> bool:
        return self.rules.can_alter()

    @override
    def alter_type(self, table: str, name: str, column: TColumnSchema, *, keeps_values: bool = True) -> str:
        kind = self.type_mapper.to_destination_type(column, cast("Any", {"name": table, "columns": {}}))
        spelled = cast("Any", kind).compile(dialect=self.sql_client.dialect)
        quoted = self.sql_client.escape_column_name(name)
        return self.rules.alter(self.sql_client.make_qualified_table_name(table), quoted, spelled)

    @override
    def drop_not_null(self, table: str, name: str) -> str:
        if not self.rules.can_alter():
            message = (
                f"column {name} of table {table} is NOT NULL, which this database cannot change; set "
                f"`columns: {{{name}: {{nullable: false}}}}`, or load with `refresh: drop`"
            )
            raise WarehouseError(message)
        column = self.schema.tables.get(table, {}).get("columns", {}).get(name)
        if column is None:
            raise DatabaseTerminalException(KeyError(f"{table}.{name}"))
        return self.alter_type(table, name, column)

    @override
    def count_changed(self, table: str, name: str, old: TColumnSchema, new: TColumnSchema) -> str:
        there, back = self.kind_of(table, new), self.kind_of(table, old)
        quoted = self.sql_client.escape_column_name(name)
        return (
            f"SELECT COUNT(*) FROM {self.sql_client.make_qualified_table_name(table)} "  # noqa: S608 - quoted by dlt
            f"WHERE CAST(CAST({quoted} AS {there}) AS {back}) <> {quoted}"
        )
