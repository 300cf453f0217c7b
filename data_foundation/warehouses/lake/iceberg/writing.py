"""Writes the changes of a load to Iceberg tables, with one commit for each table and each statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute
from dlt.common.schema.utils import is_nested_table

from data_foundation.warehouses.lake.iceberg.fenced_table import FencedTable
from data_foundation.warehouses.lake.iceberg.tables import IcebergLoadTables
from data_foundation.warehouses.lake.row_changes import (
    SET_TO,
    RowStatement,
    TableChange,
    choose_merged,
    choose_nested,
    evaluate,
    filtered,
    is_among,
)

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.partitions.hints import PartitionHint

Rewrite = Callable[[pa.Table, Any], pa.Table]
"""Returns the new rows of a file, given its rows and for each of them whether it was found."""


def write_tables(tables: IcebergLoadTables, arrived: Sequence[TableChange]) -> None:
    """Writes the changes of a table and then those of its nested tables; each table changes in one commit."""
    merged: dict[str, pa.Table] = {}
    for part in arrived:
        if part.mode == "merge":
            _merge(tables, part, merged)
        elif part.files:
            _write(tables, part, part.rows.scanner().to_reader())
        else:
            _empty(tables.find(part.name), leftover=part.mode == "rebuild")


def change_rows(client: DatasetFiles, tables: IcebergLoadTables, statements: Sequence[Statement]) -> None:
    """Executes the DELETE and UPDATE statements of `loading`, with one commit for each.

    Args:
        client: The client of the lake.
        tables: The tables of the load.
        statements: The statements with their values.
    """
    for sql, values in statements:
        statement = RowStatement.parse(sql)
        table = tables.find(statement.table)
        if table is None:
            continue
        if statement.changed and statement.changed not in table.table.schema().column_names:
            table.add_columns(pa.schema([(statement.changed, pa.timestamp("us", "UTC"))]))
        found = statement.find_rows(client, values)
        if found.num_rows:
            rewrite = _set(statement.changed, found[SET_TO][0]) if statement.changed else _remove_found
            _replace(table, found.select(statement.keys), rewrite)


def _write(tables: IcebergLoadTables, part: TableChange, rows: pa.RecordBatchReader) -> None:
    table = tables.open_or_create(part.name, rows.schema)
    removed = table.files if part.is_made_anew or part.mode == "replace" else []
    table.commit(rows, removed=removed, partitions=part.partitions, rebuilds=part.is_made_anew)


def _empty(table: FencedTable | None, *, leftover: bool) -> None:
    if table and (leftover or table.count()):
        table.commit(removed=table.files, leftover=leftover)


def _merge(tables: IcebergLoadTables, part: TableChange, merged: dict[str, pa.Table]) -> None:
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
    keys = part.rows.to_table(columns=part.keys).filter(chosen)
    _replace(table, keys, _remove_found, filtered(part.rows, stays), part.partitions)


def _merge_nested(tables: IcebergLoadTables, part: TableChange, table: FencedTable | None, roots: pa.Table) -> None:
    rows = choose_nested(part, roots) if part.files else None
    if table is not None and not part.is_insert_only:
        _replace(table, roots.select(["_dlt_id"]).rename_columns([part.root_key]), _remove_found, rows)
    elif rows is not None:
        _write(tables, part, rows)


def _replace(
    table: FencedTable,
    keys: pa.Table,
    rewrite: Rewrite,
    rows: pa.RecordBatchReader | None = None,
    partitions: Sequence[PartitionHint] = (),
) -> None:
    """Rewrites the files that have a row with one of some keys, and adds rows, in one commit.

    The columns of the key are read of every file, all columns only of those that are rewritten.

    Args:
        table: The table.
        keys: The keys, one in each row.
        rewrite: Returns the new rows of a file.
        rows: The rows that are added.
        partitions: As of `FencedTable.commit`.
    """
    found: list[tuple[FileScanTask, Any]] = []
    for file in table.files:
        hits = evaluate(table.read(file, keys.column_names), is_among(keys.column_names), keys)
        if pa.compute.any(hits).as_py():
            found.append((file, hits))

    def kept() -> Iterator[pa.Table]:
        for file, hits in found:
            if (remaining := rewrite(table.read(file), hits)).num_rows:
                yield remaining

    if found or rows is not None:
        table.commit(rows, removed=[file for file, _ in found], kept=kept(), partitions=partitions)


def _remove_found(rows: pa.Table, found: Any) -> pa.Table:
    """Returns the rows that were not found."""
    return rows.filter(pa.compute.invert(found))


def _set(column: str, value: pa.Scalar) -> Rewrite:
    """Returns a function that sets a column of the rows that were found."""

    def rewrite(rows: pa.Table, found: Any) -> pa.Table:
        field = rows.schema.field(column)
        new = pa.compute.if_else(found, value.cast(field.type), rows[column])
        return rows.set_column(rows.schema.get_field_index(column), field, new)

    return rewrite
