"""Deletes rows of the table, nested rows included, in the transaction that adds the rows which take their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.common.time import ensure_date, ensure_datetime_in_tz

from data_foundation.loading.cursor.table_cursor import Replaced
from data_foundation.naming import column_of_path, normalize

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.ranges.load_range import LoadRange
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.connection import Statement

_EXACT = {"bigint", "text"}
_AS_TIME = {"timestamp": ensure_datetime_in_tz, "date": ensure_date}


@dataclass(frozen=True)
class CursorTable:
    """The table of an append with a cursor as the warehouse has it before the load.

    Attributes:
        name: Name of the table.
        column: The cursor's column.
        data_type: dlt's type of the column, None if the table has no such column.
        nested: Each nested table with its parent, parents first.
        identity: Columns by which its rows are distinguished: those of the key, or without one all that hold a value.
        exact: Those of them whose values are the same text in every warehouse.
    """

    name: str
    column: str
    data_type: str | None
    nested: tuple[tuple[str, str], ...]
    identity: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()

    def statements(self, client: SqlClientBase[Any], conditions: Sequence[Replaced]) -> list[Statement]:
        """Returns the statements that delete the rows which meet all conditions; none if the table has no such rows.

        Args:
            client: SQL client of the table's dataset; it quotes names.
            conditions: Comparisons of the cursor.
        """
        if self.data_type is None or not conditions:
            return []
        parts, values = self.compare(client, conditions)
        row_id, parent_id = map(client.escape_column_name, ("_dlt_id", "_dlt_parent_id"))
        where = {self.name: " AND ".join(parts)}
        for name, parent in self.nested:
            rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {where[parent]}"  # noqa: S608 - quoted by dlt
            where[name] = f"{parent_id} IN ({rows})"
        # Innermost tables first: a nested row is found through its parent.
        return [
            (f"DELETE FROM {client.make_qualified_table_name(name)} WHERE {condition}", values)  # noqa: S608 - quoted by dlt
            for name, condition in reversed(where.items())
        ]

    def compare(self, client: SqlClientBase[Any], conditions: Sequence[Replaced]) -> tuple[list[str], tuple[Any, ...]]:
        """Returns each condition in SQL, and the values of their placeholders.

        Args:
            client: SQL client of the table's dataset; it quotes names.
            conditions: Comparisons of the cursor.
        """
        convert = _AS_TIME.get(str(self.data_type), lambda value: value)
        values = tuple(convert(condition.value) for condition in conditions if condition.sign)
        column = client.escape_column_name(self.column)
        return [f"{column} {one.sign} %s" if one.sign else f"{column} IS NULL" for one in conditions], values


def find_cursor_tables(task: Task, pipeline: TablePipeline) -> Sequence[CursorTable]:
    """Returns the tables of an append with a cursor; none of another resource, and before the first load.

    It reads the schema as the warehouse has it, so it must run before the extraction changes it.
    """
    settings = task.resource.incremental
    if task.resource.write_disposition.disposition != "append" or not settings or task.options.refresh != "none":
        return ()
    tables, column = pipeline.tables, column_of_path(settings.cursor_path)
    key = [normalize(name) for name in task.resource.key_columns]
    return [_describe(tables, name, column, key) for name in (pipeline.table, *pipeline.further) if name in tables]


def _describe(tables: TSchemaTables, name: str, column: str, key: Sequence[str]) -> CursorTable:
    nested = tuple(
        (str(table["name"]), str(table["parent"]))
        for table in get_nested_tables(tables, name)[1:]
        if "_dlt_parent_id" in table["columns"]
    )
    types = {one: hints.get("data_type") for one, hints in tables[name]["columns"].items()}
    # Not every engine compares JSON.
    values = [one for one, kind in types.items() if kind not in {None, "json"} and not one.startswith("_dlt_")]
    identity = key if key and types.keys() >= set(key) else values
    exact = tuple(one for one in identity if types[one] in _EXACT)
    return CursorTable(name, column, types.get(column), nested, tuple(identity), exact)


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
