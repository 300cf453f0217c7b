"""Adds columns to tables that have rows: without NOT NULL, which those rows cannot meet, and with dlt's ids filled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from dlt.common.schema.utils import get_first_column_name_with_prop, get_nested_tables, is_nested_table
from dlt.destinations.job_client_impl import SqlJobClientBase
from typing_extensions import override

if TYPE_CHECKING:
    from dlt.common.schema import TSchemaTables
    from dlt.common.schema.typing import TColumnSchema, TTableSchemaColumns


class GrowingTables(SqlJobClientBase):
    """A job client that adds columns to tables with rows.

    That a column is not nullable is held by the checks of rows, which read the schema. Merges need the ids, as they
    delete the rows of a list with the row that had it: rows loaded before the resource merged would stay.
    """

    random_id = "replace(CAST(gen_random_uuid() AS VARCHAR), '-', '')"
    """SQL for an id that no other row has."""

    @override
    def _create_table_update(self, table_name: str, storage_columns: TTableSchemaColumns) -> Sequence[TColumnSchema]:
        columns = super()._create_table_update(table_name, storage_columns)
        return [{**column, "nullable": True} for column in columns] if storage_columns else columns

    @override
    def _build_schema_update_sql(
        self, storage_tables: Iterable[tuple[str, TTableSchemaColumns]]
    ) -> tuple[list[str], TSchemaTables]:
        found = dict(storage_tables)
        statements, update = super()._build_schema_update_sql(found.items())
        grown: dict[str, Any] = {name: table["columns"] for name, table in update.items() if found.get(name)}
        if grown and not self.sql_client.is_staging_dataset_active:
            statements += self._fill_ids(grown)
        return statements, update

    def _fill_ids(self, grown: Mapping[str, Mapping[str, TColumnSchema]]) -> Iterator[str]:
        """Yields the statements that fill new columns of ids, a table's before those of its nested tables."""
        roots = [name for name in self.schema.tables if not is_nested_table(self.schema.tables[name])]
        for table in (table for root in roots for table in get_nested_tables(self.schema.tables, root)):
            for column in grown.get(str(table["name"]), {}).values():
                if column.get("row_key"):
                    yield self._set(table, column, self.random_id)
                elif column.get("root_key"):
                    yield self._set_root_ids(table, column)

    def _set(self, table: Any, column: Any, value: str) -> str:
        name, quote = self.sql_client.make_qualified_table_name(table["name"]), self.sql_client.escape_column_name
        return f"UPDATE {name} SET {quote(column['name'])} = {value}"  # noqa: S608 - quoted by dlt

    def _set_root_ids(self, table: Any, column: Any) -> str:
        """Returns the statement that gives nested rows the id of their root row, by way of their parent's."""
        parent, quote = self.schema.tables[table["parent"]], self.sql_client.escape_column_name
        of_parent = "root_key" if is_nested_table(parent) else "row_key"
        root_id, row_id, parent_id = (
            quote(cast("str", get_first_column_name_with_prop(of, prop)))
            for of, prop in ((parent, of_parent), (parent, "row_key"), (table, "parent_key"))
        )
        child, rows = map(self.sql_client.make_qualified_table_name, (table["name"], table["parent"]))
        return f"{self._set(table, column, f'p.{root_id}')} FROM {rows} AS p WHERE p.{row_id} = {child}.{parent_id}"
