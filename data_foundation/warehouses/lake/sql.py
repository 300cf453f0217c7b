"""Queries the tables of a lake by an in-memory DuckDB that reads their files in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error
from typing_extensions import override

from data_foundation.warehouses.lake.dataset_files import LANDED_FILE
from data_foundation.warehouses.lake.memory import connect_to_memory

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.lake.row_changes import ReadTable

_UNKNOWN = re.compile(r'Table with name "?(?:[^".\s]+\.)?([^".\s]+)"? does not exist')
_COUNT = re.compile(r'(?i)\(SELECT COUNT\(\*\) FROM "[^"]+"\."([^"]+)"\)')


class LakeSqlClient(DuckDbSqlClient):
    """Runs SELECTs on the tables of one dataset; each table is opened at its first use."""

    def __init__(self, lake: FilesystemClient, find_table: Callable[[str], ReadTable | None] | None) -> None:
        """Creates a client.

        Args:
            lake: The client of the files.
            find_table: Returns the table with a name, None if there is none. None if tables are parquet files.
        """
        super().__init__(
            lake.dataset_name, f"{lake.dataset_name}_staging", DuckDbCredentials(), duckdb_destination().capabilities()
        )
        self._lake = lake
        self._find_table = find_table

    @override
    def open_connection(self) -> duckdb.DuckDBPyConnection:
        self._conn = connect_to_memory()
        self._conn.execute(f"CREATE SCHEMA IF NOT EXISTS {self.escape_column_name(self.dataset_name)}")
        return self._conn

    @override
    def close_connection(self) -> None:
        if self._conn:
            self._conn.close()
            self._conn = None  # type: ignore[assignment] # as dlt's own does

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        values = args or kwargs or None
        text = query.replace("%s", "?") if values else query
        text = _COUNT.sub(lambda match: match[0] if (rows := self._count(match[1])) is None else f"{rows}", text)
        yield self.cursor_impl(self._execute(text, values))

    def _execute(self, query: str, values: Any) -> Any:
        while True:
            try:
                return self._conn.execute(query, values)
            except duckdb.CatalogException as error:
                match = _UNKNOWN.search(str(error))
                if not match or not self._add(match[1]):
                    raise

    def _add(self, table: str) -> bool:
        """Creates a view of a table. Returns False if the table does not exist or has a view already."""
        rows = self.read(table)
        inner = f"files of {table}"
        known = self._conn.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [inner]).fetchone()
        if rows is None or known:
            return False
        self._conn.register(inner, rows)
        name = self.make_qualified_table_name(table)
        self._conn.execute(f'CREATE VIEW {name} AS SELECT * FROM "{inner}"')  # noqa: S608 - quoted by dlt
        return True

    def read(self, table: str) -> Any:
        """Returns the rows of a table, None if it does not exist, as an object that DuckDB can read again and again."""
        rows = self._loads() if table == "_dlt_loads" else self._rows(table)
        return _Stream(rows) if isinstance(rows, pa.dataset.Dataset) else rows

    def _count(self, table: str) -> int | None:
        """Returns the row count from the metadata of the files, None if the table does not exist."""
        if self._find_table:
            found = self._find_table(table)
            return found.count() if found else None
        rows = self._rows(table)
        return None if rows is None else rows.count_rows()

    def _rows(self, table: str) -> Any:
        """Returns all rows of a table as `ReadTable.rows` does, None if it does not exist."""
        if self._find_table:
            found = self._find_table(table)
            return found.rows if found else None
        folder, files = self._lake.get_table_dir(table), self._lake.fs_client
        paths = [path for path in files.find(folder) if path.endswith(".parquet")] if files.isdir(folder) else []
        if not paths:
            return None
        schemas = [pa.parquet.read_schema(path, filesystem=files) for path in paths]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        return pa.dataset.dataset(paths, schema=schema, filesystem=files, format="parquet")

    def _loads(self) -> Any:
        """Returns the landed loads, read from the names of dlt's files; None if there are none."""
        folder, files = self._lake.get_table_dir("_dlt_loads"), self._lake.fs_client
        found = files.find(folder) if files.isdir(folder) else []
        names = [
            match.groups() for path in found if (match := LANDED_FILE.fullmatch(self._lake.pathlib.basename(path)))
        ]
        if not names:
            return None
        schemas, load_ids = zip(*names, strict=True)
        return pa.table({"schema_name": schemas, "load_id": load_ids, "status": [0] * len(names)})


class _Stream:
    """A dataset that DuckDB reads batch by batch, with a new stream for each scan.

    Not the dataset itself, because of a deadlock in pyarrow 26: `Scanner.to_reader` holds the GIL while it waits for
    threads that read through a Python file system and need the GIL. It occurs once in hundreds of queries.
    """

    def __init__(self, rows: pa.dataset.Dataset) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Returns a stream of all rows, by Arrow's PyCapsule protocol."""
        batches = pa.RecordBatchReader.from_batches(self._rows.schema, self._rows.to_batches())
        return batches.__arrow_c_stream__(requested_schema)
