"""Writes the changes of a load to Delta tables, and restores their earlier versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError
from dlt.common.libs.deltalake import (
    deltalake_storage_options,
    ensure_delta_compatible_arrow_data,
    merge_delta_table,
    truncate_delta_table,
)
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop, is_nested_table

from data_foundation.sql_text import quote_name
from data_foundation.warehouses.lake.memory import connect_to_memory

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.connection import Statement

_DELETE = re.compile(r'DELETE FROM "?([^".]+)"?\."?([^".]+)"? WHERE "([^"]+)"')
ROW_NUMBER = "number of row"
"""A column name that no dlt column has, as they contain no space."""


@dataclass(frozen=True)
class TableChange:
    """The change of one table by a load.

    Attributes:
        name: Table name.
        table: dlt's table schema with its hints.
        files: Local parquet files with the rows; empty if the table is only emptied.
        mode: append, replace, merge, or rebuild, which also removes the existing columns.
    """

    name: str
    table: Any
    files: Sequence[str]
    mode: str

    @property
    def rows(self) -> Any:
        """The rows as a pyarrow dataset, with the columns of all files."""
        schemas = [pa.parquet.read_schema(file) for file in self.files]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        return pa.dataset.dataset(list(self.files), schema=schema)


def options(client: FilesystemClient) -> dict[str, str]:
    """Returns the storage options of deltalake."""
    return deltalake_storage_options(client.config.credentials, client.config.deltalake_storage_options)


def find_table(client: FilesystemClient, name: str) -> DeltaTable | None:
    """Returns the current version of a table, None if it does not exist."""
    try:
        return DeltaTable(_location(client, name), storage_options=options(client))
    except TableNotFoundError:
        return None


def version(client: FilesystemClient, name: str) -> int | None:
    """Returns the version number of a table, None if it does not exist."""
    table = find_table(client, name)
    return table.version() if table else None


def restore(client: FilesystemClient, name: str, number: int | None) -> None:
    """Restores a version of a table; None deletes the table, which did not exist then."""
    table = find_table(client, name)
    if number is None:
        folder = client.get_table_dir(name)
        if client.fs_client.isdir(folder):
            for path in client.fs_client.find(folder):
                client._delete_file(path)  # noqa: SLF001 - it handles the differences between services
    elif table and table.version() != number:
        table.restore(number, protocol_downgrade_allowed=True)


def write_tables(client: FilesystemClient, arrived: Sequence[TableChange]) -> None:
    """Writes the changes of a table and then those of its nested tables.

    Readers see a table before or after its change, which is one commit; a merge into a nested table is two.
    """
    merged: dict[str, pa.Table] = {}
    for part in arrived:
        if part.mode == "merge":
            _merge(client, part, merged)
        elif part.files:
            _write(client, part, part.rows.scanner().to_reader())
        elif (table := find_table(client, part.name)) is not None:
            truncate_delta_table(table)


def delete_rows(client: FilesystemClient, statements: Sequence[Statement]) -> None:
    """Executes DELETE statements of `loading.range_delete`, with one commit for each."""
    for sql, values in statements:
        name, key = target(sql)
        table = find_table(client, name)
        if table is None:
            continue
        with client.sql_client as query:
            condition = sql.split(" WHERE ", 1)[1]
            place = f"{quote_name(client.dataset_name)}.{quote_name(name)}"
            selected = f"SELECT DISTINCT {quote_name(key)} FROM {place} WHERE {condition}"  # noqa: S608 - names are quoted
            with query.execute_query(selected, *values) as cursor:
                duckdb_cursor: Any = cursor.native_cursor
                keys = duckdb_cursor.to_arrow_table()
        _delete(table, keys, key)


def target(sql: str) -> tuple[str, str]:
    """Returns the table of a DELETE, and the first column of its condition."""
    match = _DELETE.match(sql)
    assert match, sql  # noqa: S101 - range_delete.py wrote it
    return match[2], match[3]


def names(sql: str) -> tuple[str, str]:
    """Returns dataset and table of a DELETE."""
    match = _DELETE.match(sql)
    assert match, sql  # noqa: S101 - range_delete.py wrote it
    return match[1], match[2]


def _location(client: FilesystemClient, name: str) -> str:
    return client.get_open_table_location("delta", name)


def _write(client: FilesystemClient, part: TableChange, rows: Any) -> None:
    overwrite = part.mode in {"replace", "rebuild"}
    write_deltalake(
        _location(client, part.name),
        ensure_delta_compatible_arrow_data(rows),
        mode="overwrite" if overwrite else "append",
        schema_mode="overwrite" if part.mode == "rebuild" else "merge",
        storage_options=options(client),
    )


def _merge(client: FilesystemClient, part: TableChange, merged: dict[str, pa.Table]) -> None:
    """Merges rows by key; of several rows with one key, the last. Nested rows are replaced with their root row.

    Args:
        client: The client of the lake.
        part: The change of the table.
        merged: By root table, `_dlt_id` of each merged row and whether it is kept; this function adds to it.
    """
    table = find_table(client, part.name)
    if is_nested_table(part.table):
        _merge_nested(client, part, table, next(iter(merged.values())))
        return
    keys = get_columns_names_with_prop(part.table, "primary_key")
    chosen = _choose(part, keys, table)
    stays = pa.compute.and_(chosen, _evaluate(part.rows, _is_no_deletion(part)))
    if "_dlt_id" in part.rows.schema.names:
        ids = part.rows.to_table(columns=["_dlt_id"]).append_column("stays", stays)
        merged[part.name] = ids.filter(chosen)
    if table is None or part.table["x-merge-strategy"] == "insert-only":
        _write(client, part, _filtered(part.rows, stays))
        return
    merge_delta_table(table, _filtered(part.rows, chosen), part.table, part.name, streamed_exec=True)


def _merge_nested(client: FilesystemClient, part: TableChange, table: DeltaTable | None, roots: pa.Table) -> None:
    root = get_first_column_name_with_prop(part.table, "root_key") or "_dlt_root_id"
    ids = roots.select(["_dlt_id"]).rename_columns([root])
    if table is not None and part.table["x-merge-strategy"] != "insert-only":
        _delete(table, ids, root)
    if part.files:
        stay = ids.filter(roots["stays"])
        wanted = _evaluate(part.rows, f"{quote_name(root)} IN (FROM others)", stay)
        first = _evaluate(part.rows, _is_last_of(["_dlt_id"]))
        _write(client, part, _filtered(part.rows, pa.compute.and_(wanted, first)))


def _choose(part: TableChange, keys: Sequence[str], table: DeltaTable | None) -> Any:
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


def _delete(table: DeltaTable, keys: pa.Table, key: str) -> None:
    """Deletes the rows whose key is in `keys`, in one commit."""
    if keys.num_rows:
        predicate = f"target.{quote_name(key)} = source.{quote_name(key)}"
        merge = table.merge(keys, predicate, source_alias="source", target_alias="target")
        merge.when_matched_delete().execute()
