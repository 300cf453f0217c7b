"""Deletes rows of the table, nested rows included, in the transaction that adds the rows which take their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.common.time import ensure_date, ensure_datetime_in_tz
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.errors import LoadError
from data_foundation.loading.cursor.table_cursor import Replaced
from data_foundation.naming import column_of_path
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.ranges.load_range import LoadRange
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.connection import Statement

_AS_TIME = {"timestamp": ensure_datetime_in_tz, "date": ensure_date}


@dataclass(frozen=True)
class CursorTable:
    """The table of an append with a cursor as the warehouse has it before the load.

    Attributes:
        name: Name of the table.
        column: The cursor's column.
        data_type: dlt's type of the column, None if the table has no such column.
        nested: Each nested table with its parent, parents first.
    """

    name: str
    column: str
    data_type: str | None
    nested: tuple[tuple[str, str], ...]

    def statements(self, client: SqlClientBase[Any], conditions: Sequence[Replaced]) -> list[Statement]:
        """Returns the statements that delete the rows which meet all conditions; none if the table has no such rows.

        Args:
            client: SQL client of the table's dataset; it quotes names.
            conditions: Comparisons of the cursor.
        """
        if self.data_type is None or not conditions:
            return []
        convert = _AS_TIME.get(self.data_type, lambda value: value)
        values = tuple(convert(condition.value) for condition in conditions if condition.sign)
        quoted, row_id, parent_id = map(client.escape_column_name, (self.column, "_dlt_id", "_dlt_parent_id"))
        parts = (f"{quoted} {one.sign} %s" if one.sign else f"{quoted} IS NULL" for one in conditions)
        where = {self.name: " AND ".join(parts)}
        for name, parent in self.nested:
            rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {where[parent]}"  # noqa: S608 - quoted by dlt
            where[name] = f"{parent_id} IN ({rows})"
        # Innermost tables first: a nested row is found through its parent.
        return [
            (f"DELETE FROM {client.make_qualified_table_name(name)} WHERE {condition}", values)  # noqa: S608 - quoted by dlt
            for name, condition in reversed(where.items())
        ]

    def count_unordered(self, client: SqlClientBase[Any]) -> int:
        """Returns how many rows of the table have no value of the cursor.

        Args:
            client: SQL client of the table's dataset.
        """
        where = f" WHERE {client.escape_column_name(self.column)} IS NULL" if self.data_type else ""
        query = f"SELECT COUNT(*) FROM {client.make_qualified_table_name(self.name)}{where}"  # noqa: S608 - quoted by dlt
        try:
            return int((client.execute_sql(query) or [(0,)])[0][0])
        except DatabaseUndefinedRelation:
            return 0


def find_cursor_tables(task: Task, pipeline: TablePipeline) -> Sequence[CursorTable]:
    """Returns the tables of an append with a cursor; none of another resource, and before the first load.

    It reads the schema as the warehouse has it, so it must run before the extraction changes it.
    """
    settings = task.resource.incremental
    if task.resource.write_disposition.disposition != "append" or not settings or task.options.refresh != "none":
        return ()
    tables, column = pipeline.tables, column_of_path(settings.cursor_path)
    return [_describe(tables, name, column) for name in (pipeline.table, *pipeline.further) if name in tables]


def refuse_rows_without_cursor(
    tables: Sequence[CursorTable], pipeline: TablePipeline, warehouse: Callable[[], AbstractContextManager[Destination]]
) -> None:
    """Refuses to append the first rows of a cursor to rows that have no value of it, and may be the same.

    Args:
        tables: What `find_cursor_tables` returned.
        pipeline: The pipeline of the table.
        warehouse: Opens the warehouse.

    Raises:
        LoadError: The table has rows without a value of the cursor.
    """
    if not tables:
        return
    with warehouse() as destination, connect(destination, pipeline.dataset) as client:
        count = sum(table.count_unordered(client) for table in tables)
    if count:
        message = (
            f"incremental: {count:,} rows of the table have no value in {tables[0].column}, so they cannot be "
            "distinguished from rows that the entry yields again; nothing was written. Load everything again by "
            "the cursor once, with `--refresh state`"
        )
        raise LoadError(message)


def _describe(tables: TSchemaTables, name: str, column: str) -> CursorTable:
    nested = tuple(
        (str(table["name"]), str(table["parent"]))
        for table in get_nested_tables(tables, name)[1:]
        if "_dlt_parent_id" in table["columns"]
    )
    return CursorTable(name, column, tables[name]["columns"].get(column, {}).get("data_type"), nested)


def find_deletes(
    task: Task,
    pipeline: TablePipeline,
    tables: Sequence[CursorTable],
    load_range: LoadRange,
    replaced: Sequence[Replaced],
) -> Sequence[Statement]:
    """Returns the statements that delete the rows which a load replaces.

    Args:
        task: The resource, and the run's options.
        pipeline: The pipeline of its table.
        tables: What `find_cursor_tables` returned.
        load_range: The range of the run; without an end, every row from its start on.
        replaced: The rows that the run's cursor replaces, each by itself.
    """
    if not tables or task.options.limit is not None:
        return ()
    conditions = [list(_range_conditions(load_range))] if load_range.is_closed else [[one] for one in replaced]
    client = pipeline.dlt.sql_client()
    return [statement for table in tables for group in conditions for statement in table.statements(client, group)]


def _range_conditions(load_range: LoadRange) -> Iterator[Replaced]:
    if load_range.start is not None:
        yield Replaced(">=", load_range.start)
        if load_range.has_end:
            yield Replaced("<=" if load_range.includes_end else "<", load_range.end)
