"""Writes the changes of a load to Delta tables: rows that are added, replaced, merged or deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import deltalake  # noqa: F401 - before dlt's own import of it, whose error does not name the package
import pyarrow as pa
import pyarrow.dataset
from dlt.common.libs.deltalake import merge_delta_table
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop, is_nested_table

from data_foundation.sql_text import quote_name
from data_foundation.warehouses.lake.delta_tables import FencedTable, LoadTables
from data_foundation.warehouses.lake.memory import connect_to_memory

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.connection import Statement

_CHANGE = re.compile(
    r'(?:DELETE FROM|UPDATE) "?([^".]+)"?\."?([^".]+)"?(?: SET "(?P<set>[^"]+)" = %s)? '
    r'WHERE \(?(?P<keys>"[^"]+"(?:, "[^"]+")*)'
)
ROW_NUMBER = "number of row"
"""A column name that no dlt column has, as they contain no space."""
SET_TO = "_set_to"
"""Name of the column with the new values of an UPDATE."""


@dataclass(frozen=True)
class TableChange:
    """The change of one table by a load.

    Attributes:
        name: Table name.
        table: dlt's table schema with its hints.
        files: Local parquet files with the rows; empty if the table is only emptied.
        mode: append, replace, merge, or rebuild, which also removes the existing columns.
        is_leftover: True if rows and columns of the existing table do not count; see `LoadTables.is_leftover`.
    """

    name: str
    table: Any
    files: Sequence[str]
    mode: str
    is_leftover: bool = False

    @property
    def rows(self) -> Any:
        """The rows as a pyarrow dataset, with the columns of all files."""
        schemas = [pa.parquet.read_schema(file) for file in self.files]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        return pa.dataset.dataset(list(self.files), schema=schema)


def write_tables(tables: LoadTables, arrived: Sequence[TableChange]) -> None:
    """Writes the changes of a table and then those of its nested tables.

    Readers see a table before or after its change, which is one commit; a merge into a nested table is two.
    """
    merged: dict[str, pa.Table] = {}
    for part in arrived:
        if part.mode == "merge":
            _merge(tables, part, merged)
        elif part.files:
            _write(tables, part, part.rows.scanner().to_reader())
        else:
            tables.empty(part.name, leftover=part.mode == "rebuild")


def change_rows(client: FilesystemClient, tables: LoadTables, statements: Sequence[Statement]) -> None:
    """Executes the DELETE and UPDATE statements of `loading`, with one commit for each.

    Rows are found by the columns with which the condition begins.
    """
    for sql, values in statements:
        match = _match(sql)
        table = tables.find(match[2])
        if table is None:
            continue
        keys = re.findall(r'"([^"]+)"', match["keys"])
        changed = match["set"]
        if changed:
            table.add_columns(pa.schema([(changed, pa.timestamp("us", "UTC"))]))
        selected = ", ".join(map(quote_name, keys)) + (f", CAST(%s AS TIMESTAMPTZ) AS {SET_TO}" if changed else "")
        with client.sql_client as query:
            condition = sql.split(" WHERE ", 1)[1]
            place = f"{quote_name(client.dataset_name)}.{quote_name(match[2])}"
            rows = f"SELECT DISTINCT {selected} FROM {place} WHERE {condition}"  # noqa: S608 - names are quoted
            with query.execute_query(rows, *values) as cursor:
                duckdb_cursor: Any = cursor.native_cursor
                found = duckdb_cursor.to_arrow_table()
        _change(table, found, keys, changed)


def find_target(sql: str) -> tuple[str, str]:
    """Returns dataset and table of a DELETE or an UPDATE."""
    match = _match(sql)
    return match[1], match[2]


def _match(sql: str) -> re.Match[str]:
    match = _CHANGE.match(sql)
    assert match, sql  # noqa: S101 - modules of `loading` wrote it
    return match


def _write(tables: LoadTables, part: TableChange, rows: Any) -> None:
    rebuilds = part.mode == "rebuild" or part.is_leftover
    overwrites = rebuilds or part.mode == "replace"
    mode, schema_mode = "overwrite" if overwrites else "append", "overwrite" if rebuilds else "merge"
    tables.write(part.name, rows, mode=mode, schema_mode=schema_mode)


def _merge(tables: LoadTables, part: TableChange, merged: dict[str, pa.Table]) -> None:
    """Merges rows by key; of several rows with one key, the last. Nested rows are replaced with their root row.

    Args:
        tables: The tables of the load.
        part: The change of the table.
        merged: By root table, `_dlt_id` of each merged row and whether it is kept; this function adds to it.
    """
    table = None if part.is_leftover else tables.find(part.name)
    if is_nested_table(part.table):
        _merge_nested(tables, part, table, next(iter(merged.values())))
        return
    keys = get_columns_names_with_prop(part.table, "primary_key")
    chosen = _choose(part, keys, table)
    stays = pa.compute.and_(chosen, _evaluate(part.rows, _is_no_deletion(part)))
    if "_dlt_id" in part.rows.schema.names:
        ids = part.rows.to_table(columns=["_dlt_id"]).append_column("stays", stays)
        merged[part.name] = ids.filter(chosen)
    if table is None or part.table["x-merge-strategy"] == "insert-only":
        _write(tables, part, _filtered(part.rows, stays))
        return
    table.add_columns(part.rows.schema)
    merge_delta_table(table, _filtered(part.rows, chosen), part.table, part.name, streamed_exec=True)


def _merge_nested(tables: LoadTables, part: TableChange, table: FencedTable | None, roots: pa.Table) -> None:
    root = get_first_column_name_with_prop(part.table, "root_key") or "_dlt_root_id"
    ids = roots.select(["_dlt_id"]).rename_columns([root])
    if table is not None and part.table["x-merge-strategy"] != "insert-only":
        _change(table, ids, [root])
    if part.files:
        stay = ids.filter(roots["stays"])
        wanted = _evaluate(part.rows, f"{quote_name(root)} IN (FROM others)", stay)
        first = _evaluate(part.rows, _is_last_of(["_dlt_id"]))
        _write(tables, part, _filtered(part.rows, pa.compute.and_(wanted, first)))


def _choose(part: TableChange, keys: Sequence[str], table: FencedTable | None) -> Any:
    """Returns for each row whether it is the one that is merged for its key."""
    order = get_first_column_name_with_prop(part.table, "dedup_sort")
    direction = part.table["columns"][order]["dedup_sort"] if order else ""
    sort = f"{quote_name(order)} {direction}, " if order else ""
    chosen = _evaluate(part.rows, _is_last_of(keys, sort))
    if table is not None and part.table["x-merge-strategy"] == "insert-only":
        known = " AND ".join(f"others.{quote_name(key)} = here.{quote_name(key)}" for key in keys)
        there = table.to_pyarrow_dataset()
        new = _evaluate(part.rows, f"NOT EXISTS (SELECT 1 FROM others WHERE {known})", there)  # noqa: S608 - names are quoted
        chosen = pa.compute.and_(chosen, new)
    return chosen


def _is_no_deletion(part: TableChange) -> str:
    """Returns the SQL condition of rows that are not marked for a hard delete."""
    column = get_first_column_name_with_prop(part.table, "hard_delete")
    if column is None or column not in part.rows.schema.names:
        return "true"
    is_bool = part.table["columns"][column].get("data_type") == "bool"
    return f"NOT coalesce({quote_name(column)}, false)" if is_bool else f"{quote_name(column)} IS NULL"


def _is_last_of(keys: Sequence[str], sort: str = "") -> str:
    """Returns the SQL condition of the last row of each key: in the order of `sort`, then in that of the rows."""
    partition = ", ".join(map(quote_name, keys))
    return f"row_number() OVER (PARTITION BY {partition} ORDER BY {sort}{quote_name(ROW_NUMBER)} DESC) = 1"


def _evaluate(rows: Any, condition: str, others: Any = None) -> Any:
    """Returns whether an SQL condition holds for each row, in their order; it may use the table `others`."""
    with connect_to_memory() as connection:
        connection.register("rows", rows)
        if others is not None:
            connection.register("others", others)
        number = quote_name(ROW_NUMBER)
        query = (
            f"SELECT coalesce({condition}, false) AS chosen FROM "  # noqa: S608 - names are quoted
            f"(SELECT *, row_number() OVER () AS {number} FROM rows) AS here ORDER BY {number}"
        )
        return connection.execute(query).to_arrow_table()["chosen"]


def _filtered(rows: Any, chosen: Any) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in rows.to_batches():
            yield batch.filter(chosen.slice(start, batch.num_rows).combine_chunks())
            start += batch.num_rows

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def _change(table: FencedTable, rows: pa.Table, keys: Sequence[str], changed: str | None = None) -> None:
    """Deletes the rows whose keys are in `rows`, or sets a column of them, in one commit.

    Args:
        table: The table.
        rows: The keys, and with `changed` a column `SET_TO`.
        keys: Names of the key's columns.
        changed: Name of the column that is set, None to delete.
    """
    if rows.num_rows:
        predicate = " AND ".join(f"target.{quote_name(key)} = source.{quote_name(key)}" for key in keys)
        merge = table.merge(rows, predicate, source_alias="source", target_alias="target")
        if changed:
            merge.when_matched_update({quote_name(changed): f"source.{SET_TO}"}).execute()
        else:
            merge.when_matched_delete().execute()
