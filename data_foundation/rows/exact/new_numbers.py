"""Makes a column of doubles of one that began with integers in the same load, where every value stays exact."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from dlt.common.schema import Schema
from dlt.common.schema.utils import is_complete_column

from data_foundation.rows.exact.value_rules import Unacceptable

EXACT = range(-(2**53), 2**53 + 1)
"""The integers that a double holds exactly, and all between them."""

_MIXED = (
    "got a float, and the column has integers beyond 2^53, which a double would round; name the type that fits all "
    "values: `columns: {<column>: {data_type: decimal, precision: ..., scale: ...}}`, or text"
)


class NewNumbers:
    """The integer columns of a load that no earlier load and no configuration has given a type.

    Attributes:
        widened: Those that became doubles, as table and column.
    """

    def __init__(self, schema: Schema, declared: Collection[tuple[Any, str]]) -> None:
        """Begins before the first row.

        Args:
            schema: The predicted schema, with the columns of earlier loads.
            declared: Columns whose type is declared, as table and column.
        """
        self.widened: set[tuple[str, str]] = set()
        self._schema = schema
        self._wide: set[tuple[str, str]] = set()
        self._fixed = {
            (table, name)
            for table, entry in schema.tables.items()
            for name, column in entry["columns"].items()
            if is_complete_column(column)
        } | set(declared)

    def has(self, table: str, name: str) -> bool:
        """Returns whether a column is one of them, and holds integers so far."""
        column = self._schema.tables.get(table, {}).get("columns", {}).get(name, {})
        return column.get("data_type") == "bigint" and (table, name) not in self._fixed

    def note_wide(self, table: str, name: str) -> None:
        """Notes that a column has an integer that a double would round."""
        self._wide.add((table, name))

    def widen_for(self, table: str, row: Mapping[str, Any]) -> None:
        """Makes columns of doubles of those that a row has a fraction for.

        dlt would open a second column for it, or a contract would discard it. It takes a whole float for an integer,
        and beyond 2^53 for one with digits that the float does not have.

        Args:
            table: Name of the table.
            row: A row, by names of columns.

        Raises:
            Unacceptable: One has integers that a double would round.
        """
        for name, value in row.items():
            if type(value) is float and not (value.is_integer() and int(value) in EXACT) and self.has(table, name):
                if (table, name) in self._wide:
                    raise Unacceptable(_MIXED)
                self._schema.tables[table]["columns"][name]["data_type"] = "double"
                self.widened.add((table, name))

    def quick_check(self, table: str, name: str) -> Callable[[Any], bool]:
        """Returns a quick check for integers in one of these."""
        long = range(-(2**63), 2**63)

        def fits(value: Any) -> bool:
            if value in EXACT:
                return True
            if value not in long or not self.has(table, name):
                return False
            self.note_wide(table, name)
            return True

        return fits

    def enter(self, schema: Schema) -> None:
        """Enters the columns that became doubles into dlt's schema, which would infer integers from the first rows."""
        for table, name in self.widened:
            entry = self._schema.tables.get(table)
            column = (entry or {}).get("columns", {}).get(name, {})
            if entry and column.get("data_type") == "double":
                self._enter_parents(schema, entry)
                schema.update_table({**entry, "columns": {name: column}}, normalize_identifiers=False)

    def _enter_parents(self, schema: Schema, entry: Any) -> None:
        """Enters the tables that a nested table is in, which dlt may not have met yet."""
        parent = entry.get("parent")
        if parent and parent not in schema.tables:
            above: Any = self._schema.tables[parent]
            self._enter_parents(schema, above)
            table: Any = {**above, "columns": {}}
            schema.update_table(table, normalize_identifiers=False)
