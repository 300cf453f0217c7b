"""The columns that a table has in the warehouse: how they are read and changed, and what dlt calls their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dlt.destinations.job_client_impl import SqlJobClientBase

if TYPE_CHECKING:
    from dlt.common.destination.client import StorageSchemaInfo
    from dlt.common.schema.typing import TColumnSchema

_PLAIN = ("bigint", "text", "double", "bool", "timestamp", "date", "json", "binary", "time")
_BITS = (8, 16, 32, 64, 128)
_DIGITS = range(10)


@dataclass(frozen=True)
class TableColumn:
    """A column of a table in the warehouse.

    Attributes:
        kind: Its type, spelled as `TypedColumns.spell` does.
        nullable: False if it is NOT NULL.
        has_default: True if the warehouse fills it: a default, an identity, a generated column.
    """

    kind: str
    nullable: bool = True
    has_default: bool = False


Columns = Mapping[str, TableColumn]


@dataclass(frozen=True)
class WarehouseTables:
    """A table and its nested tables in the warehouse.

    Attributes:
        tables: Columns by table; a table that does not exist is missing.
        staging: The same for the staging schema, where a merge gathers its rows.
    """

    tables: Mapping[str, Columns] = field(default_factory=dict)
    staging: Mapping[str, Columns] = field(default_factory=dict)

    def joined(self, other: WarehouseTables) -> WarehouseTables:
        """Returns the tables of both."""
        return WarehouseTables({**self.tables, **other.tables}, {**self.staging, **other.staging})


@runtime_checkable
class KnowsTables(Protocol):
    """A destination whose tables have no fixed columns, and which knows whether one exists."""

    def lacks(self, dataset: str, schema: str, table: str) -> bool:
        """Returns True if a table of a dlt schema does not exist."""


@dataclass
class Synchronisation:
    """What the clients of one destination share about the table of a load.

    Attributes:
        table: The table whose columns are read together with the state; "" for none.
        tables: Its columns as they were read; None before.
        client: The client that read the state; None before.
        schemas: Schemas that were read and not requested yet, by name. Each is returned once, so a second request reads
            the warehouse again.
        pipeline: The name of the pipeline that is synchronised; "" for none.
        schema: The name of its dlt schema.
        landed: The id of the newest load that had landed when the state was read, or nothing; None before.
        stores_schema: True if the load stores its schema and compares it with the tables even if the warehouse has a
            version of the same content: the newest stored version is another one, or the tables differ from it.
    """

    table: str = ""
    tables: WarehouseTables | None = None
    client: TypedColumns | None = None
    schemas: dict[str, StorageSchemaInfo] = field(default_factory=dict)
    pipeline: str = ""
    schema: str = ""
    landed: Sequence[str] | None = None
    stores_schema: bool = False


class TypedColumns(SqlJobClientBase):
    """A job client that knows the real columns of tables.

    Attributes:
        shared: What the clients of one destination share.

    Names in `WarehouseTables` are those of dlt's schema: in lower case where the engine does not distinguish cases.
    """

    shared: Synchronisation

    column_rows = (
        "SELECT table_schema, table_name, column_name, data_type AS kind, is_nullable AS nullable, "
        "CASE WHEN column_default IS NULL THEN 'NO' ELSE 'YES' END AS filled, ordinal_position "
        "FROM information_schema.columns WHERE table_catalog = current_database()"
    )
    """Selects the columns of the database; a subclass may replace it by a query of the same columns."""

    column_list = "string_agg({0}, chr(30) ORDER BY ordinal_position)"
    """Joins the text `{0}` of all rows to one."""

    @staticmethod
    def spell(kind: str) -> str:
        """Returns a type as every spelling of it is compared."""
        return kind.upper()

    def columns_query(self, table: str) -> tuple[str, list[str]]:
        """Returns a SELECT of one text with the columns of a table and of those whose names begin with its name.

        Args:
            table: Name of the table.
        """
        name = self._real_name(table)
        schemas = [self._real_schema()]
        with self.sql_client.with_staging_dataset():
            schemas.append(self._real_schema())
        # ASCII's separators of units and of records, which no identifier contains.
        names = ("table_schema", "table_name", "column_name", "kind", "nullable", "filled")
        fields = " || chr(31) || ".join(names)
        query = (
            f"SELECT {self.column_list.format(fields)} FROM ({self.column_rows}) AS k "  # noqa: S608 - constants of the engine
            "WHERE table_schema IN (%s, %s) AND (table_name = %s OR left(table_name, %s) = %s)"
        )
        return query, [*schemas, name, len(name) + 2, f"{name}__"]  # type: ignore[list-item] # the number of a LEFT

    def read_columns(self, table: str) -> WarehouseTables:
        """Reads the columns of a table and of its nested tables."""
        query, values = self.columns_query(table)
        with self.sql_client.execute_query(query, *values) as cursor:
            row = cursor.fetchone()
        return self.parse_columns(row[0] if row else None)

    def parse_columns(self, text: str | None) -> WarehouseTables:
        """Returns the tables in the answer to `columns_query`."""
        main = self._real_schema()
        found: tuple[dict[str, dict[str, TableColumn]], ...] = ({}, {})
        for line in (text or "").split("\x1e"):
            if not line:
                continue
            schema, table, name, kind, nullable, filled = line.split("\x1f")
            columns = found[schema != main].setdefault(self._own_name(table), {})
            columns[self._own_name(name)] = TableColumn(self.spell(kind), nullable == "YES", filled == "YES")
        return WarehouseTables(*found)

    def _real_name(self, name: str) -> str:
        return self.sql_client.make_qualified_table_name_path(name, quote=False)[-1]

    def _real_schema(self) -> str:
        return self.sql_client.make_qualified_table_name_path(None, quote=False)[-1]

    def _own_name(self, name: str) -> str:
        return name if self.capabilities.generates_case_sensitive_identifiers() else name.lower()

    def kind_of(self, table: str, column: TColumnSchema) -> str:
        """Returns the type that dlt gives a column, spelled as those of `WarehouseTables`."""
        prepared: Any = {"name": table, "columns": {}}
        return self.spell(self.type_mapper.to_destination_type(column, prepared))

    def hints_of(self, kind: str) -> Any:
        """Returns dlt's hints of a type, None if dlt has no type that is stored as this one."""
        for hints in _candidates(kind):
            nameless: Any = {"name": "", **hints}
            try:
                if self.kind_of("", nameless) == kind:
                    return hints
            except Exception:  # noqa: BLE001, S112 - each engine refuses precisions with an error of its own
                continue
        return None

    def can_alter(self, old: TColumnSchema | None, new: TColumnSchema) -> bool:
        """Returns whether the engine can change a column's type in place at all; old is None for one unknown to dlt."""
        del old, new
        return True

    def alter_type(self, table: str, name: str, column: TColumnSchema, *, keeps_values: bool = True) -> str:
        """Returns the statement that gives a column another type.

        Args:
            table: Name of the table.
            name: Name of the column.
            column: The column with its new type.
            keeps_values: False if the load removes every row, so that no value needs a conversion.
        """
        kind = self.type_mapper.to_destination_type(column, {"name": table, "columns": {}})
        quoted = self.sql_client.escape_column_name(name)
        value = f"CAST({quoted if keeps_values else 'NULL'} AS {kind})"
        return f"{self._alter(table)} ALTER COLUMN {quoted} TYPE {kind} USING {value}"

    def drop_not_null(self, table: str, name: str) -> str:
        """Returns the statement that lets a column have no value."""
        return f"{self._alter(table)} ALTER COLUMN {self.sql_client.escape_column_name(name)} DROP NOT NULL"

    def drop_staging(self, table: str) -> str:
        """Returns the statement that drops a table of the staging schema; the load creates it again."""
        with self.sql_client.with_staging_dataset():
            return f"DROP TABLE IF EXISTS {self.sql_client.make_qualified_table_name(table)}"

    def count_changed(self, table: str, name: str, old: TColumnSchema, new: TColumnSchema) -> str:
        """Returns the query that counts the values that would not survive a change of type and back."""
        prepared: Any = {"name": table, "columns": {}}
        there, back = (self.type_mapper.to_destination_type(column, prepared) for column in (new, old))
        quoted = self.sql_client.escape_column_name(name)
        return (
            f"SELECT COUNT(*) FROM {self.sql_client.make_qualified_table_name(table)} "  # noqa: S608 - quoted by dlt
            f"WHERE CAST(CAST({quoted} AS {there}) AS {back}) <> {quoted}"
        )

    def _alter(self, table: str) -> str:
        return f"ALTER TABLE {self.sql_client.make_qualified_table_name(table)}"


def _candidates(kind: str) -> Iterator[Any]:
    """Yields hints that may be stored as a type, those without a precision first."""
    yield from ({"data_type": data_type} for data_type in (*_PLAIN, "decimal"))
    yield from ({"data_type": "bigint", "precision": bits} for bits in _BITS)
    if kind.startswith("TIME"):
        yield {"data_type": "timestamp", "timezone": False}
        for zone, digits in product(({"timezone": False}, {}), _DIGITS):
            yield {"data_type": "timestamp", "precision": digits, **zone}
        yield from ({"data_type": "time", "precision": digits} for digits in _DIGITS)
    numbers = _numbers(kind)
    if len(numbers) == 2:  # noqa: PLR2004 - precision and scale
        yield {"data_type": "decimal", "precision": numbers[0], "scale": numbers[1]}
    elif numbers:
        yield {"data_type": "text", "precision": numbers[0]}
        yield {"data_type": "binary", "precision": numbers[0]}


def _numbers(kind: str) -> Sequence[int]:
    parts = kind.partition("(")[2].rstrip(")").split(",")
    return [int(part) for part in parts if part.strip().isdigit()]
