"""Finds different rows of one key in a normalised load: a merge keeps one of them, or would add all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.utils import get_columns_names_with_prop, get_dedup_sort_tuple

from data_foundation.errors import ValueRefused
from data_foundation.loading.schema.normalized_files import find_files
from data_foundation.naming import normalize
from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchema

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.warehouses.base import Warehouse

_BY_MERGE_STATEMENT = {"merge upsert", "merge insert-only"}
"""Strategies for which dlt sends one MERGE: it inserts each row of a new key, and PostgreSQL fails on a known one.

With delete-insert, dlt keeps one row of each key.
"""

_FEW_ROWS = 100_000
"""Up to so many rows, Arrow compares the keys first, in memory: 1 ms for a small load, and DuckDB's start takes 12."""


def check_keys(resource: ResourceConfig, pipeline: TablePipeline, warehouse: Warehouse) -> Iterator[str]:
    """Yields a warning for each table of a normalised load from which a merge drops rows by no rule.

    Args:
        resource: The resource, with what its code declares.
        pipeline: Its pipeline, after `normalize`.
        warehouse: Its warehouse.

    Raises:
        ValueRefused: Several rows have the same key, and the warehouse would add all of them; rows without a key are
            not counted.
    """
    found = find_files(pipeline.dlt)
    files = {name: parquet for name, paths in found.items()
             if (parquet := [path for path in paths if path.endswith(".parquet")])}  # fmt: skip
    if not warehouse.chooses_version and resource.meeting in _BY_MERGE_STATEMENT:
        if pipeline.table in files:
            _refuse_repeated(resource, files[pipeline.table])
        elif pipeline.table in found:
            yield (
                f"rows of {resource.destination} were not compared by their key, because {warehouse.kind} is not sent "
                "Parquet: if two rows of a load have one key, both may be in the table"
            )
        return
    for name in (pipeline.table, *pipeline.further):
        table = pipeline.tables.get(name)
        if table and name in files and pipeline.sent[name] > 1 and _keeps_one(table):
            yield from _find_dropped(table, files[name], pipeline.sent[name])


def _keeps_one(table: TTableSchema) -> bool:
    return table.get("write_disposition") == "merge" and table.get("x-merge-strategy") != "scd2"


def _refuse_repeated(resource: ResourceConfig, files: Sequence[str]) -> None:
    keys = [normalize(name) for name in resource.key_columns]
    with duckdb.connect() as connection:
        if count := _count_shared(connection, files, keys):
            message = (
                f"{count:,} values of the primary key ({', '.join(keys)}) come several times in this load, and "
                f"{resource.write_disposition.strategy} would add each of their rows; nothing was written. Yield one "
                "row for each key, or use `write_disposition: merge`, which keeps one: with incremental the newest"
            )
            raise ValueRefused(message)


def _find_dropped(table: TTableSchema, files: Sequence[str], rows: int) -> Iterator[str]:
    """Yields a warning if rows of one key differ, and no column with an order decides between them."""
    keys, order = get_columns_names_with_prop(table, "primary_key"), get_dedup_sort_tuple(table)
    if not keys or (rows <= _FEW_ROWS and _are_distinct(files, keys)):
        return
    with duckdb.connect() as connection:
        if not _count_shared(connection, files, keys) or not (count := _count_dropped(connection, keys, order)):
            return
    beside = f" and of the same {order[0]}" if order else ""
    yield (
        f"{count:,} rows of this load are not in {table['name']}: another row of the same key ({', '.join(keys)})"
        f"{beside} has other values, and a merge keeps one row of each key. Set a primary_key that no two rows share, "
        "or, if they are versions of one row, `dedup_sort` in `columns` of the column that orders them"
    )


def _are_distinct(files: Sequence[str], keys: Sequence[str]) -> bool:
    """Returns True if it is certain that no two rows have one key."""
    try:
        tables = [pq.read_table(file, columns=list(keys)) for file in files]
        found = pa.concat_tables(tables, promote_options="permissive").group_by(list(keys)).aggregate([])
    except (pa.ArrowException, KeyError):  # a key of a type that Arrow does not group, or that a file lacks
        return False
    return bool(found.num_rows == sum(table.num_rows for table in tables))


def _count_shared(connection: duckdb.DuckDBPyConnection, files: Sequence[str], keys: Sequence[str]) -> int:
    """Returns the number of keys that several rows have; makes the views `loaded` and `shared`."""
    rows = connection.read_parquet(list(files), union_by_name=True)
    if not set(keys) <= set(rows.columns):
        return 0
    rows.create_view("loaded")
    quoted = ", ".join(map(quote_name, keys))
    known = " AND ".join(f"{quote_name(key)} IS NOT NULL" for key in keys)
    shared = connection.sql(
        f"SELECT {quoted} FROM loaded WHERE {known} GROUP BY {quoted} HAVING count(*) > 1"  # noqa: S608 - names are quoted
    )
    shared.create_view("shared")
    found = shared.count("*").fetchone()
    return int(found[0]) if found else 0


def _count_dropped(connection: duckdb.DuckDBPyConnection, keys: Sequence[str], order: tuple[str, str] | None) -> int:
    """Returns the number of rows that differ from the one of their key that is kept, and are not before it in order."""
    quoted = ", ".join(map(quote_name, keys))
    newest = ""
    if order:
        direction = "DESC" if order[1] == "desc" else "ASC"
        by = f"{quote_name(order[0])} {direction} NULLS LAST"
        newest = f" QUALIFY rank() OVER (PARTITION BY {quoted} ORDER BY {by}) = 1"
    columns = connection.view("loaded").columns
    values = ", ".join(quote_name(name) for name in columns if not name.startswith("_dlt_"))
    found = connection.sql(
        f"SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM (SELECT DISTINCT {values} FROM "  # noqa: S608 - names are quoted
        f"(SELECT * FROM loaded SEMI JOIN shared USING ({quoted}){newest})) GROUP BY {quoted})"
    ).fetchone()
    return int(found[0] or 0) if found else 0
