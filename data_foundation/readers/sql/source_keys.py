"""Reads the keys of a table into a file of the working folder; `deleted` compares them with those of the warehouse."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet
from dlt.common.schema.utils import get_columns_names_with_prop

from data_foundation.dlt_keys import REQUESTED
from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.deleted_rows import DELETED_AT, Deleted, SourceKeys
from data_foundation.readers.sql.cursor import limits, spell
from data_foundation.readers.sql.database import Column, Database, Progress, SourceTable
from data_foundation.readers.sql.statement import build_select, find_column

FILE = "source_keys.parquet"
SCOPE_FILE = "source_keys_of_scope.parquet"


class KeyReader:
    """Reads the keys of one table, after its rows and in the same snapshot."""

    def __init__(
        self, deleted: Deleted, database: Database, table: SourceTable, columns: Sequence[Column], resource: Any
    ) -> None:
        """Finds the columns of the key and of the scope; reads nothing.

        Args:
            deleted: The option.
            database: An open connection.
            table: The table.
            columns: Its columns that are read.
            resource: The running dlt resource, with its hints.

        Raises:
            EntryError: The resource has no key, or the key is not read.
            LoadError: The table has no such column.
            ConnectionError: The database shows an earlier state than at an earlier load.
        """
        self._deleted, self._database, self._table, self._resource = deleted, database, table, resource
        names = get_columns_names_with_prop(resource.compute_table_schema(), "primary_key", include_incomplete=True)
        self._keys = [find_column(table, name, "primary_key") for name in names]
        if not names or any(key not in columns for key in self._keys):
            reason = "include and exclude leave out a column of it" if names else "the resource has none"
            raise EntryError(f"deleted: rows are compared by `primary_key`, and {reason}")
        if deleted.mode == "soft" and any(normalize(column.name) == DELETED_AT for column in table.columns):
            raise EntryError(f"deleted: {table} has a column {DELETED_AT}, which mode soft sets; exclude it")
        scope = deleted.scope
        self._scope = find_column(table, scope.column, "deleted.scope.column") if scope else None
        self._start = spell(scope.start, self._scope, "deleted.scope") if scope and self._scope else None
        self._progress = self._find_progress()
        self._cursor_before = copy.deepcopy(dlt.current.resource_state().get("incremental"))
        self._has_rows = False

    def _find_progress(self) -> Progress | None:
        """Returns the progress of the state that is read; refuses a replica that lacks rows of an earlier load."""
        known, progress = dlt.current.resource_state().get("progress"), self._database.progress()
        if progress and known and progress.is_before(Progress(*known)):
            raise ConnectionError(
                "deleted: the database shows an earlier state than at an earlier load, as a replica does that lags "
                "behind another; rows that it does not have yet would be deleted. Read one and the same replica; if "
                "the database itself was restored to an earlier state, load all once with `--refresh state`"
            )
        return progress

    def keep_progress(self) -> None:
        """Stores the progress in dlt's state, which is committed with the rows.

        Where the cursor finds no new row, nothing is stored: a changed state would be a load of its own.
        """
        state, is_partial = dlt.current.resource_state(), self._resource.custom_metrics.get(REQUESTED)
        is_new = is_partial or self._cursor_before is None or state.get("incremental") != self._cursor_before
        if self._progress and self._has_rows and is_new:
            state["progress"] = list(astuple(self._progress))

    def add_column(self, page: Any) -> Any:
        """Returns a page of rows with the column that `mode: soft` sets; it is empty for rows that exist."""
        self._has_rows = self._has_rows or page.num_rows > 0
        if self._deleted.mode == "hard":
            return page
        return page.append_column(DELETED_AT, pa.nulls(page.num_rows, pa.timestamp("us", "UTC")))

    def read(self, conditions: Sequence[Any], chunk_size: int) -> None:
        """Reads the keys and reports them to the load; does nothing in a run of a range or of a sample.

        With a scope all keys are read too: the source still has a row whose value has left the scope.

        Args:
            conditions: SQL conditions of all rows that the table in the warehouse should have.
            chunk_size: Largest number of keys in memory.
        """
        if self._resource.custom_metrics.get(REQUESTED):
            return
        file, count = self._write(FILE, conditions, chunk_size)
        in_scope = file
        if self._scope:
            scope = limits(self._scope, self._start, None, self._database.dialect)
            in_scope, _ = self._write(SCOPE_FILE, [*conditions, *scope], chunk_size)
        SourceKeys(
            columns=[key.name for key in self._keys],
            file=file,
            in_scope=in_scope,
            count=count,
            mode=self._deleted.mode,
            at_most=self._deleted.at_most,
            scope_column=self._scope.name if self._scope else "",
            scope_start=self._start,
        ).report(self._resource.custom_metrics)

    def _write(self, name: str, conditions: Sequence[Any], chunk_size: int) -> tuple[str, int]:
        """Writes the keys of rows into a file; returns its path, "" for no rows, and the number of keys."""
        select = build_select(self._table, self._keys, conditions)
        file = Path(dlt.current.pipeline().working_dir) / name
        count = _write(file, self._database.read(select, self._keys, chunk_size))
        return str(file) if count else "", count


def _write(file: Path, pages: Iterable[Any]) -> int:
    """Writes pages into a parquet file and returns the number of their rows; without rows there is no file."""
    count, writer = 0, None
    try:
        for page in pages:
            writer = writer or pa.parquet.ParquetWriter(file, page.schema)
            writer.write_table(page)
            count += page.num_rows
    finally:
        if writer:
            writer.close()
    return count
