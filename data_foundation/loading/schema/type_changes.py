"""Compares the types of a schema with those of the table: equal, changed where no value is lost, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from dlt.common.schema.utils import is_complete_column, is_nested_table
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.loading.schema.table_as_it_is import is_nested

if TYPE_CHECKING:
    from dlt.common.schema.typing import TColumnSchema, TSchemaTables, TTableSchema
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.table_columns import Columns, TypedColumns, WarehouseTables

Conversion = Literal["exact", "if exact", "never"]

_DIGITS_OF_BITS = {8: 3, 16: 5, 32: 10, 64: 19, 128: 39}
_TO_TEXT: dict[str, Conversion] = {"bigint": "exact", "decimal": "exact", "date": "exact", "double": "if exact"}


_NUMBERS = {("bigint", "bigint"), ("bigint", "decimal"), ("decimal", "decimal"), ("double", "decimal"),
            ("bigint", "double"), ("decimal", "double")}  # fmt: skip
_OF_A_LENGTH = {("timestamp", "timestamp"), ("text", "text")}
_UNLIMITED = 10**9


@dataclass(frozen=True)
class TypeChange:
    """A column whose type in the table is not that of the schema, or that refuses NULL and should not.

    Attributes:
        table: Name of the table.
        column: The column of the schema.
        kinds: Its types in the table and in the schema, as the warehouse spells them; equal if only NULL matters.
        old: dlt's hints of the type in the table, None if it has none.
        conversion: Whether the warehouse can change the type without losing a value.
        refuses_null: True if it is NOT NULL in the table.
        emptied: True if the load removes every row, so that no value needs a conversion.
    """

    table: str
    column: TColumnSchema
    kinds: tuple[str, str]
    old: TColumnSchema | None
    conversion: Conversion
    refuses_null: bool
    emptied: bool = False

    @property
    def name(self) -> str:
        """Name of the column."""
        return str(self.column["name"])

    @property
    def is_type(self) -> bool:
        """True if the types differ."""
        return self.kinds[0] != self.kinds[1]

    @property
    def needs_a_look(self) -> bool:
        """True if it depends on the values whether the change loses some."""
        return self.is_type and self.conversion == "if exact" and not self.emptied

    def statements(self, client: TypedColumns) -> Iterator[str]:
        """Yields the statements that make the change."""
        if self.refuses_null and (self.emptied or not self.is_type):
            yield client.drop_not_null(self.table, self.name)
        if self.is_type:
            yield client.alter_type(self.table, self.name, self.column, keeps_values=not self.emptied)

    @override
    def __str__(self) -> str:
        return f"{self.kinds[0]} to {self.kinds[1]}" if self.is_type else "NOT NULL removed"


def find_changes(
    tables: TSchemaTables, found: WarehouseTables, client: TypedColumns, emptied: Collection[str]
) -> list[TypeChange]:
    """Returns what must change in the tables before rows of these are loaded.

    Args:
        tables: The tables of the schema that rows are checked against.
        found: The tables in the warehouse.
        client: Knows the types of the warehouse.
        emptied: The tables that the load removes every row of.

    Raises:
        LoadError: A type cannot change without losing values, or a nested table's name is taken.
    """
    changes = []
    for table, columns in found.tables.items():
        if table not in tables:
            continue
        if is_nested_table(tables[table]) and not is_nested(columns):
            raise _taken(table)
        changes += [replace(change, emptied=table in emptied) for change in _changes_of(tables[table], columns, client)]
    if refused := [change for change in changes if change.is_type and not _is_possible(change, client)]:
        raise LoadError("; ".join(_refusal(change, client) for change in refused))
    return changes


def find_old_staging(tables: TSchemaTables, found: WarehouseTables, client: TypedColumns) -> list[str]:
    """Returns the tables of the staging schema whose columns no longer have the types of the schema."""
    return [
        table
        for table, columns in found.staging.items()
        if table in tables and list(_changes_of(tables[table], columns, client))
    ]


def refuse_losses(changes: Sequence[TypeChange], client: TypedColumns, sql: SqlClientBase[Any]) -> None:
    """Counts, for each change that may lose values, those that it would change.

    Raises:
        LoadError: There are some.
    """
    for change in changes:
        if change.needs_a_look and change.old:
            rows = sql.execute_sql(client.count_changed(change.table, change.name, change.old, change.column))
            if rows and rows[0][0]:
                raise LoadError(_refusal(change, client, f"{rows[0][0]} of its values would change"))


def _changes_of(schema: TTableSchema, columns: Columns, client: TypedColumns) -> Iterator[TypeChange]:
    table = str(schema["name"])
    for name, column in schema["columns"].items():
        real = columns.get(name)
        if not real or not is_complete_column(column):
            continue
        kind = client.kind_of(table, column)
        if kind != real.kind:
            old = client.hints_of(real.kind)
            yield TypeChange(table, column, (real.kind, kind), old, find_conversion(old, column), not real.nullable)
        elif not real.nullable and column.get("nullable", True):
            yield TypeChange(table, column, (kind, kind), column, "exact", refuses_null=True)


def find_conversion(old: TColumnSchema | None, new: TColumnSchema) -> Conversion:
    """Returns whether every value of one type is one of another, or whether the values must be looked at."""
    if old is None:
        return "never"
    kinds = old["data_type"], new["data_type"]
    if kinds[1] == "text" and kinds[0] in _TO_TEXT and not new.get("precision"):
        return _TO_TEXT[kinds[0]]
    if kinds in _NUMBERS:
        return "exact" if kinds[1] != "double" and _fits(old, new) else "if exact"
    if kinds == ("date", "timestamp") or (kinds in _OF_A_LENGTH and _length(old) <= _length(new)):
        return "exact"
    return "never"


def _fits(old: TColumnSchema, new: TColumnSchema) -> bool:
    """Returns whether a column of whole numbers or decimals holds every digit of another."""
    (whole, fraction), (most_whole, most_fraction) = _digits(old), _digits(new)
    return whole <= most_whole and fraction <= most_fraction


def _digits(column: TColumnSchema) -> tuple[int, int]:
    """Returns the digits of a number before and after the point; those of a decimal without any are dlt's default."""
    if column["data_type"] == "double":
        return _UNLIMITED, _UNLIMITED
    if column["data_type"] == "bigint":
        return _DIGITS_OF_BITS.get(column.get("precision") or 64, 19), 0
    precision, scale = column.get("precision"), column.get("scale")
    precision, scale = (38, 9 if scale is None else scale) if precision is None else (precision, scale or 0)
    return precision - scale, scale


def _length(column: TColumnSchema) -> int:
    """Returns the digits of a second, or the characters of a text, that a column holds."""
    default = 6 if column["data_type"] == "timestamp" else _UNLIMITED
    precision = column.get("precision")
    return default if precision is None else precision


def _is_possible(change: TypeChange, client: TypedColumns) -> bool:
    return client.can_alter(change.old, change.column) and (change.emptied or change.conversion != "never")


def _refusal(change: TypeChange, client: TypedColumns, reason: str = "not every value of one fits the other") -> str:
    kept = f"`columns: {{{change.name}: {{data_type: {change.old['data_type']}}}}}` keeps it, " if change.old else ""
    real, wanted = change.kinds
    return (
        f"column {change.name} of table {change.table} is {real}, and this load has {wanted}: "
        f"{reason}; {kept}"
        f"`{client.alter_type(change.table, change.name, change.column)}` changes the table if that is right for its "
        "rows, `refresh: drop` makes it anew"
    )


def _taken(table: str) -> LoadError:
    message = (
        f"a list in the rows belongs into nested table {table}, and the table of that name is another one, of another "
        "resource or program; rename the key of the list, give that resource another `destination`, or set "
        "`max_table_nesting: 0`, which keeps lists as JSON"
    )
    return LoadError(message)
