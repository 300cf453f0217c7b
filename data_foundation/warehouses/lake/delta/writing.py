"""Writes the changes of a load to Delta tables: rows that are added, replaced, merged or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import deltalake  # noqa: F401 - before dlt's own import of it, whose error does not name the package
import pyarrow as pa
from dlt.common.libs.deltalake import merge_delta_table
from dlt.common.schema.utils import is_nested_table

from data_foundation.sql_text import quote_name
from data_foundation.warehouses.lake.delta.tables import DeltaLoadTables, FencedTable
from data_foundation.warehouses.lake.row_changes import (
    SET_TO,
    RowStatement,
    TableChange,
    choose_merged,
    choose_nested,
    filtered,
)

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.connection import Statement


def write_tables(tables: DeltaLoadTables, arrived: Sequence[TableChange]) -> None:
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


def change_rows(client: FilesystemClient, tables: DeltaLoadTables, statements: Sequence[Statement]) -> None:
    """Executes the DELETE and UPDATE statements of `loading`, with one commit for each."""
    for sql, values in statements:
        statement = RowStatement.parse(sql)
        table = tables.find(statement.table)
        if table is None:
            continue
        if statement.changed:
            table.add_columns(pa.schema([(statement.changed, pa.timestamp("us", "UTC"))]))
        _change(table, statement.find_rows(client, values), statement.keys, statement.changed)


def _write(tables: DeltaLoadTables, part: TableChange, rows: Any) -> None:
    overwrites = part.is_made_anew or part.mode == "replace"
    mode, schema_mode = "overwrite" if overwrites else "append", "overwrite" if part.is_made_anew else "merge"
    tables.write(part, rows, mode=mode, schema_mode=schema_mode)


def _merge(tables: DeltaLoadTables, part: TableChange, merged: dict[str, pa.Table]) -> None:
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
    chosen, stays = choose_merged(part, table, merged)
    if table is None or part.is_insert_only:
        _write(tables, part, filtered(part.rows, stays))
        return
    table.add_columns(part.rows.schema)
    merge_delta_table(table, filtered(part.rows, chosen), part.table, part.name, streamed_exec=True)


def _merge_nested(tables: DeltaLoadTables, part: TableChange, table: FencedTable | None, roots: pa.Table) -> None:
    if table is not None and not part.is_insert_only:
        _change(table, roots.select(["_dlt_id"]).rename_columns([part.root_key]), [part.root_key])
    if part.files:
        _write(tables, part, choose_nested(part, roots))


def _change(table: FencedTable, rows: pa.Table, keys: Sequence[str], changed: str = "") -> None:
    """Deletes the rows whose keys are in `rows`, or sets a column of them, in one commit.

    Args:
        table: The table.
        rows: The keys, and with `changed` a column `SET_TO`.
        keys: Names of the key's columns.
        changed: Name of the column that is set, "" to delete.
    """
    if rows.num_rows:
        predicate = " AND ".join(f"target.{quote_name(key)} = source.{quote_name(key)}" for key in keys)
        merge = table.merge(rows, predicate, source_alias="source", target_alias="target")
        if changed:
            merge.when_matched_update({quote_name(changed): f"source.{SET_TO}"}).execute()
        else:
            merge.when_matched_delete().execute()
