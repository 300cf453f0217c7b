"""Compares the first rows of an append's cursor with the rows of the table, of which they replace a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.errors import ValueRefused
from data_foundation.loading.cursor.table_cursor import Replaced
from data_foundation.loading.schema.normalized_files import find_files
from data_foundation.sql_text import quote_name
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.ranges.range_delete import CursorTable
    from data_foundation.warehouses.base import Destination

_SAMPLE = 500
"""Rows of the table that are looked up in the load."""
_MISSING = 0.5
"""Part of them that may be missing: rows that have changed since, or that the source has no more."""


def check_first_rows(
    tables: Sequence[CursorTable],
    replaced: Sequence[Replaced],
    pipeline: TablePipeline,
    warehouse: Callable[[], AbstractContextManager[Destination]],
) -> list[str]:
    """Returns a warning for each table of which more rows are replaced than the load has, if all others are copies.

    Args:
        tables: What `find_cursor_tables` returned.
        replaced: The rows that the load replaces, each condition by itself.
        pipeline: The pipeline of the table, with a normalised load.
        warehouse: Opens the warehouse.

    Raises:
        ValueRefused: Rows would be deleted that the load has not, or rows without a value of the cursor may be the same
            as those of the load.
    """
    if not tables:
        return []
    files = find_files(pipeline.dlt)
    with warehouse() as destination, connect(destination, pipeline.dataset) as client:
        if Replaced("") not in replaced:
            _refuse_unordered(tables, client)
        found = [_ReplacedRows(table, client, replaced) for table in tables if table.data_type and replaced]
        return [
            warning
            for rows in found
            for warning in rows.compare(pipeline.sent[rows.table.name], files.get(rows.table.name, ()))
        ]


def _refuse_unordered(tables: Sequence[CursorTable], client: SqlClientBase[Any]) -> None:
    """Refuses to append to rows that have no value of the cursor.

    Raises:
        ValueRefused: The table has such rows.
    """
    rows = 0
    for table in tables:
        condition = f" WHERE {table.compare(client, [Replaced('')])[0][0]}" if table.data_type else ""
        rows += _count(client, f"FROM {client.make_qualified_table_name(table.name)}{condition}")
    if rows:
        message = (
            f"incremental: {rows:,} rows of the table have no value in {tables[0].column}, so they cannot be "
            "distinguished from rows that the entry yields again; nothing was written. Load everything again by "
            "the cursor once, with `--refresh state`"
        )
        raise ValueRefused(message)


class _ReplacedRows:
    """The rows of a table that the first rows of a cursor replace.

    Attributes:
        table: The table.
    """

    def __init__(self, table: CursorTable, client: SqlClientBase[Any], replaced: Sequence[Replaced]) -> None:
        self.table = table
        self._client = client
        conditions, self._values = table.compare(client, replaced)
        self._rows = f"FROM {client.make_qualified_table_name(table.name)} WHERE {' OR '.join(conditions)}"

    def compare(self, sent: int, files: Sequence[str]) -> Iterator[str]:
        """Yields a warning if a load has fewer rows than it replaces, and the others are copies.

        Args:
            sent: Number of rows of the load.
            files: Its files.

        Raises:
            ValueRefused: The load has not the rows that it replaces.
        """
        if not (count := _count(self._client, self._rows, self._values)):
            return
        column, name = self.table.column, self.table.name
        what = (
            f"incremental: these are the first rows by {column}, and from the first of their values on they replace "
            f"{count:,} rows of {name}"
        )
        way_out = (
            "nothing was written. To keep them, keep the former cursor, set `initial_value` to a value after them, or "
            "give `destination` another table; to replace them, load all again with `--refresh state`. If they are the "
            "same rows with other values, set `primary_key`"
        )
        sample, missing, by = self._look_up(files)
        if missing > sample * _MISSING:
            raise ValueRefused(f"{what}. The load has not {missing:,} of {sample:,} of them, found by {by}; {way_out}")
        if sent >= count:
            return
        identity = self.table.identity or (column,)
        selected = ", ".join(map(self._client.escape_column_name, identity))
        different = _count(self._client, f"FROM (SELECT DISTINCT {selected} {self._rows}) AS different", self._values)
        if sent < different:
            lost = different - sent
            raise ValueRefused(f"{what}. The load has {sent:,}, so at least {lost:,} of them would be lost; {way_out}")
        yield f"{what} by {sent:,}: {count - different:,} of them have the same {', '.join(identity)} as another"

    def _look_up(self, files: Sequence[str]) -> tuple[int, int, str]:
        """Returns how many of the rows were looked up in the files of a load, how many of them it has not, and by what.

        A column that has no value in the load, or in the rows, says nothing: the other one does not know it.
        """
        if not self.table.exact or not files or not all(file.endswith(".parquet") for file in files):
            return 0, 0, ""
        selected = ", ".join(map(self._client.escape_column_name, self.table.exact))
        found = self._client.execute_sql(f"SELECT {selected} {self._rows} LIMIT {_SAMPLE}", *self._values) or []
        texts = zip(*([None if value is None else str(value) for value in row] for row in found), strict=True)
        columns = {name: column for name, column in zip(self.table.exact, texts, strict=True) if any(column)}
        with duckdb.connect() as connection:
            loaded = connection.read_parquet(list(files), union_by_name=True)
            names = [name for name in columns if name in loaded.columns]
            names = [one for one in names if loaded.filter(f"{quote_name(one)} IS NOT NULL").limit(1).fetchone()]
            if not names:
                return 0, 0, ""
            loaded.create_view("loaded")
            connection.register("looked_up", pa.table({name: pa.array(columns[name], pa.string()) for name in names}))
            # Some warehouses keep an empty text as NULL.
            same = " AND ".join(
                f"NULLIF(CAST(loaded.{quote_name(one)} AS VARCHAR), '') IS NOT DISTINCT FROM "
                f"NULLIF(looked_up.{quote_name(one)}, '')"
                for one in names
            )
            exists = f"EXISTS (SELECT 1 FROM loaded WHERE {same})"  # noqa: S608 - names are quoted
            [(missing,)] = connection.sql(f"SELECT count(*) FROM looked_up WHERE NOT {exists}").fetchall()  # noqa: S608 - as above
        return len(found), int(missing), ", ".join(names)


def _count(client: SqlClientBase[Any], rows: str, values: Sequence[Any] = ()) -> int:
    """Returns the number of rows of a FROM clause, 0 if the table does not exist."""
    try:
        return int((client.execute_sql(f"SELECT COUNT(*) {rows}", *values) or [(0,)])[0][0])
    except DatabaseUndefinedRelation:
        return 0
