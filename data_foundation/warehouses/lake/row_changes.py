"""The changes of a load in one table: the rows that arrive, those chosen of them, and the rows that statements find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.dataset
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop

from data_foundation.sql_text import quote_name
from data_foundation.warehouses.lake.memory import connect_to_memory

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.lake.partitions.hints import PartitionHint

_CHANGE = re.compile(
    r'(?:DELETE FROM|UPDATE) "?([^".]+)"?\."?([^".]+)"?(?: SET "(?P<set>[^"]+)" = %s)? '
    r'WHERE \(?(?P<keys>"[^"]+"(?:, "[^"]+")*)'
)
ROW_NUMBER = "number of row"
"""A column name that no dlt column has, as they contain no space."""
SET_TO = "_set_to"
"""Name of the column with the new values of an UPDATE."""


class ReadTable(Protocol):
    """A table of a lake, as readers see it."""

    def count(self) -> int:
        """Returns the number of rows, from the table's metadata where possible."""

    @property
    def rows(self) -> Any:
        """All rows: a pyarrow dataset, or an object with Arrow's PyCapsule interface."""


@dataclass(frozen=True)
class TableChange:
    """The change of one table by a load.

    Attributes:
        name: Table name.
        table: dlt's table schema with its hints.
        files: Local parquet files with the rows; empty if the table is only emptied.
        mode: append, replace, merge, or rebuild, which also removes the existing columns.
        partitions: The partitioning that the hints of the table ask for, also by columns that no row has.
        is_leftover: True if rows and columns of the existing table do not count; see `LoadTables.is_leftover`.
    """

    name: str
    table: Any
    files: Sequence[str]
    mode: str
    partitions: Sequence[PartitionHint] = ()
    is_leftover: bool = False

    @property
    def rows(self) -> Any:
        """The rows as a pyarrow dataset, with the columns of all files."""
        schemas = [pa.parquet.read_schema(file) for file in self.files]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        return pa.dataset.dataset(list(self.files), schema=schema)

    @property
    def is_made_anew(self) -> bool:
        """True if the columns and partitions of the existing table do not count."""
        return self.mode == "rebuild" or self.is_leftover

    @property
    def keys(self) -> list[str]:
        """Names of the columns of the primary key."""
        return get_columns_names_with_prop(self.table, "primary_key")

    @property
    def root_key(self) -> str:
        """Name of a nested table's column with the id of the root row."""
        return get_first_column_name_with_prop(self.table, "root_key") or "_dlt_root_id"

    @property
    def is_insert_only(self) -> bool:
        """True if a merge keeps the rows that exist."""
        return bool(self.table["x-merge-strategy"] == "insert-only")


@dataclass(frozen=True)
class RowStatement:
    """A DELETE or an UPDATE of `loading`, whose condition begins with the columns by which rows are found.

    Attributes:
        dataset: Name of the dataset.
        table: Table name.
        keys: Names of these columns.
        changed: Name of the column that an UPDATE sets, "" for a DELETE.
        condition: The SQL after WHERE.
    """

    dataset: str
    table: str
    keys: Sequence[str]
    changed: str
    condition: str

    @classmethod
    def parse(cls, sql: str) -> RowStatement:
        """Returns the parts of a statement."""
        match = _CHANGE.match(sql)
        assert match, sql  # noqa: S101 - modules of `loading` wrote it
        keys = re.findall(r'"([^"]+)"', match["keys"])
        return cls(match[1], match[2], keys, match["set"] or "", sql.split(" WHERE ", 1)[1])

    def find_rows(self, client: FilesystemClient, values: Sequence[Any]) -> pa.Table:
        """Returns the keys of the rows that the statement changes, and with an UPDATE a column `SET_TO`.

        Args:
            client: The client of the lake.
            values: The values of the statement's placeholders.
        """
        selected = ", ".join(map(quote_name, self.keys))
        if self.changed:
            selected += f", CAST(%s AS TIMESTAMPTZ) AS {SET_TO}"
        place = f"{quote_name(client.dataset_name)}.{quote_name(self.table)}"
        rows = f"SELECT DISTINCT {selected} FROM {place} WHERE {self.condition}"  # noqa: S608 - names are quoted
        with client.sql_client as query, query.execute_query(rows, *values) as cursor:
            duckdb_cursor: Any = cursor.native_cursor
            return duckdb_cursor.to_arrow_table()


def choose_rows(part: TableChange, existing: ReadTable | None) -> Any:
    """Returns for each row whether it is the one that is merged for its key.

    Args:
        part: The change of the table.
        existing: The table, None if it does not exist or its rows do not count.
    """
    order = get_first_column_name_with_prop(part.table, "dedup_sort")
    direction = part.table["columns"][order]["dedup_sort"] if order else ""
    sort = f"{quote_name(order)} {direction}, " if order else ""
    chosen = evaluate(part.rows, is_last_of(part.keys, sort))
    if existing is not None and part.is_insert_only:
        new = evaluate(part.rows, f"NOT {is_among(part.keys)}", existing.rows)
        chosen = pa.compute.and_(chosen, new)
    return chosen


def choose_merged(part: TableChange, existing: ReadTable | None, merged: dict[str, pa.Table]) -> tuple[Any, Any]:
    """Returns for each row of a root table whether it is merged, and whether it is in the table afterwards.

    Args:
        part: The change of the table.
        existing: As of `choose_rows`.
        merged: By root table, `_dlt_id` of each merged row and whether it is kept; this function adds to it.
    """
    chosen = choose_rows(part, existing)
    stays = pa.compute.and_(chosen, evaluate(part.rows, is_no_deletion(part)))
    if "_dlt_id" in part.rows.schema.names:
        ids = part.rows.to_table(columns=["_dlt_id"]).append_column("stays", stays)
        merged[part.name] = ids.filter(chosen)
    return chosen, stays


def is_among(keys: Sequence[str]) -> str:
    """Returns the SQL condition of rows whose key is in the table `others`."""
    same = " AND ".join(f"others.{quote_name(key)} = here.{quote_name(key)}" for key in keys)
    return f"EXISTS (SELECT 1 FROM others WHERE {same})"  # noqa: S608 - names are quoted


def is_no_deletion(part: TableChange) -> str:
    """Returns the SQL condition of rows that are not marked for a hard delete."""
    column = get_first_column_name_with_prop(part.table, "hard_delete")
    if column is None or column not in part.rows.schema.names:
        return "true"
    is_bool = part.table["columns"][column].get("data_type") == "bool"
    return f"NOT coalesce({quote_name(column)}, false)" if is_bool else f"{quote_name(column)} IS NULL"


def is_last_of(keys: Sequence[str], sort: str = "") -> str:
    """Returns the SQL condition of the last row of each key: in the order of `sort`, then in that of the rows."""
    partition = ", ".join(map(quote_name, keys))
    return f"row_number() OVER (PARTITION BY {partition} ORDER BY {sort}{quote_name(ROW_NUMBER)} DESC) = 1"


def evaluate(rows: Any, condition: str, others: Any = None) -> Any:
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


def filtered(rows: Any, chosen: Any) -> pa.RecordBatchReader:
    """Returns the rows for which `chosen` is true.

    Args:
        rows: A pyarrow dataset.
        chosen: A boolean for each row, in their order.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in rows.to_batches():
            yield batch.filter(chosen.slice(start, batch.num_rows).combine_chunks())
            start += batch.num_rows

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def choose_nested(part: TableChange, roots: pa.Table) -> pa.RecordBatchReader:
    """Returns the nested rows of the root rows that a merge keeps; of several with one id, the last.

    Args:
        part: The change of the nested table.
        roots: `_dlt_id` of each merged root row, and in `stays` whether it is kept.
    """
    stay = roots.select(["_dlt_id"]).rename_columns([part.root_key]).filter(roots["stays"])
    wanted = evaluate(part.rows, f"{quote_name(part.root_key)} IN (FROM others)", stay)
    first = evaluate(part.rows, is_last_of(["_dlt_id"]))
    return filtered(part.rows, pa.compute.and_(wanted, first))
