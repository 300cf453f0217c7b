"""Removes hints from a stored schema that neither code nor configuration declares any more; dlt only adds hints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import is_complete_column, is_nested_table

from data_foundation.dlt_keys import NOT_NULL
from data_foundation.loading.schema.table_as_it_is import TYPE_HINTS

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TSchemaTables, TTableSchema
    from dlt.extract import DltResource

_OF_TABLES = frozenset(
    {"name", "parent", "resource", "columns", "write_disposition", "x-normalizer", "x-extractor", "x-loader"}
)
"""What dlt itself enters for a table: all else is a hint."""

_OF_COLUMNS = frozenset({"name", "nullable", "variant", "x-normalizer", "x-nested-type", NOT_NULL, *TYPE_HINTS})
"""What dlt, the rows or the table enter for a column: all else is a hint."""

_OWN = "_dlt_"
"""Columns that dlt fills: it enters their hints itself."""


def find_hints(schema: Schema, resource: DltResource) -> Mapping[str, TTableSchema] | None:
    """Returns the tables of a resource with every hint of code and configuration; None if they depend on its items.

    Args:
        schema: Spells the names.
        resource: The resource, with the hints of the configuration.
    """
    try:
        return {str(table["name"]): table for table in resource.compute_tables(schema.naming)}
    except Exception:  # noqa: BLE001 - a hint may be a function of the user, of an item that does not exist yet
        return None


def remove_others(schema: Schema, root: str, hints: Mapping[str, TTableSchema]) -> None:
    """Removes from a table and its nested tables all hints but these.

    Args:
        schema: The stored schema.
        root: Name of the table.
        hints: The tables with the hints in force, from `find_hints`.
    """
    for name in family(schema.tables, root):
        table: Any = schema.tables[name]
        declared: Any = hints.get(name, {"columns": {}})
        for key in set(table) - _OF_TABLES - set(declared):
            del table[key]
        _remove_nesting(table, declared)
        _remove_of_columns(table["columns"], declared["columns"])
        schema.data_item_normalizer.extend_table(name)


def family(tables: TSchemaTables, root: str) -> list[str]:
    """Returns the names of a table and of its nested tables, those that a schema has."""
    names = [root] if root in tables else []
    for name, table in tables.items():
        parent = table
        while is_nested_table(parent):
            parent = tables[str(parent["parent"])]
        if name != root and parent["name"] == root:
            names.append(name)
    return names


def _remove_nesting(table: Any, declared: Any) -> None:
    normalizer = table.get("x-normalizer", {})
    if "max_nesting" in normalizer and "max_nesting" not in declared.get("x-normalizer", {}):
        table["x-normalizer"] = {key: value for key, value in normalizer.items() if key != "max_nesting"}
        if not table["x-normalizer"]:
            del table["x-normalizer"]


def _remove_of_columns(columns: Any, declared: Mapping[str, Any]) -> None:
    for name in list(columns):
        column, own = columns[name], name.startswith(_OWN)
        hints = declared.get(name, {})
        for key in set(column) - _OF_COLUMNS - set(hints):
            if not own or key.startswith("x-"):
                del column[key]
        if not own and column.get("nullable") is False and NOT_NULL not in column and hints.get("nullable", True):
            column["nullable"] = True
        if not is_complete_column(column) and name not in declared:
            del columns[name]
