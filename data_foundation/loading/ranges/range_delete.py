"""Deletes the rows of a range, nested rows included, before the range is appended again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.common.time import ensure_date, ensure_datetime_in_tz

from data_foundation.naming import normalize

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.ranges.load_range import LoadRange
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.connection import Statement

_AS_TIME = {"timestamp": ensure_datetime_in_tz, "date": ensure_date}


def find_range_deletes(task: Task, pipeline: TablePipeline, load_range: LoadRange) -> Sequence[Statement]:
    """Returns the statements that delete a range before it is appended again; other dispositions need none.

    It reads the schema as the warehouse has it, so it must run before the extraction changes it.
    """
    settings = task.resource.incremental
    is_append = task.resource.write_disposition.disposition == "append"
    if not (is_append and load_range.is_closed and settings) or task.options.limit is not None:
        return ()
    if not (tables := pipeline.tables):
        return ()
    client, path = pipeline.dlt.sql_client(), settings.cursor_path
    return _delete_statements(client, known=tables, table=pipeline.table, cursor_path=path, load_range=load_range)


def _delete_statements(
    client: SqlClientBase[Any], *, known: TSchemaTables, table: str, cursor_path: str, load_range: LoadRange
) -> list[Statement]:
    """Returns the statements that delete the rows of a range; none if the warehouse has no such rows.

    Args:
        client: SQL client of the table's dataset; it quotes names.
        known: The tables that exist in the warehouse, as dlt's schema describes them.
        table: The table's name.
        cursor_path: Path of the cursor's value in a row, for instance commit.author.date.
        load_range: The range; without an end, every row from its start on.
    """
    cursor_column = "__".join(normalize(part) for part in cursor_path.split("."))
    column: Mapping[str, Any] = known.get(table, {}).get("columns", {}).get(cursor_column, {})
    if "data_type" not in column or load_range.start is None:
        return []
    convert = _AS_TIME.get(column["data_type"], lambda value: value)
    limits = (load_range.start, load_range.end if load_range.has_end else None)
    values = tuple(convert(value) for value in limits if value is not None)
    quoted, row_id, parent_id = map(client.escape_column_name, (cursor_column, "_dlt_id", "_dlt_parent_id"))
    conditions = {table: " AND ".join(f"{quoted} {sign} %s" for sign in (">=", "<")[: len(values)])}
    for nested in get_nested_tables(known, table)[1:]:
        if "_dlt_parent_id" in nested["columns"]:
            parent = str(nested["parent"])
            rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {conditions[parent]}"  # noqa: S608 - quoted by dlt
            conditions[str(nested["name"])] = f"{parent_id} IN ({rows})"
    # Innermost tables first: a nested row is found through its parent.
    return [
        (f"DELETE FROM {client.make_qualified_table_name(name)} WHERE {condition}", values)  # noqa: S608 - quoted by dlt
        for name, condition in reversed(conditions.items())
    ]
