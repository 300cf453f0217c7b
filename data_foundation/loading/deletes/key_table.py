"""The table whose rows are deleted or marked by key: its statements, nested rows included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.naming import normalize
from data_foundation.readers.deleted_rows import DELETED_AT, SourceKeys

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.connection import Statement

Key = tuple[Any, ...]

KEYS_PER_STATEMENT = 2_000
"""Every engine accepts this many values of a list; Snowflake's limit is 16,384."""


@dataclass(frozen=True)
class KeyTable:
    """A table as the warehouse has it before the load.

    Attributes:
        name: Name of the table.
        columns: Names of its columns.
        nested: Each nested table with its parent, parents first.
    """

    name: str
    columns: frozenset[str]
    nested: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, tables: TSchemaTables, name: str) -> KeyTable | None:
        """Returns a table of a dlt schema, None if there is none.

        Args:
            tables: The tables of the schema, before the extraction changes it.
            name: Name of the table.
        """
        if name not in tables:
            return None
        known = frozenset(column for column, hints in tables[name]["columns"].items() if "data_type" in hints)
        nested = tuple(
            (str(table["name"]), str(table["parent"]))
            for table in get_nested_tables(tables, name)[1:]
            if "_dlt_parent_id" in table["columns"]
        )
        return cls(name, known, nested)

    def read(self, client: SqlClientBase[Any], keys: SourceKeys, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yields pages of rows: True for one that is marked as deleted, and the values of its key.

        Args:
            client: SQL client of the table's dataset.
            keys: The keys of the source; their scope leaves out rows of the table.
            size: Largest number of rows of a page.
        """
        q = client.escape_column_name
        marked = f"{q(DELETED_AT)} IS NOT NULL" if DELETED_AT in self.columns else "1 = 0"
        selected = ", ".join([f"CASE WHEN {marked} THEN 1 ELSE 0 END", *(q(normalize(name)) for name in keys.columns)])
        scope = f" WHERE {q(normalize(keys.scope_column))} >= %s" if keys.scope_column else ""
        query = f"SELECT {selected} FROM {client.make_qualified_table_name(self.name)}{scope}"  # noqa: S608 - quoted by dlt
        values = [keys.scope_start] if keys.scope_column else []
        try:
            with client.execute_query(query, *values) as cursor:
                while page := cursor.fetchmany(size):
                    yield [(bool(row[0]), *row[1:]) for row in page]
        except DatabaseUndefinedRelation:
            return

    def delete(self, client: SqlClientBase[Any], names: Sequence[str], keys: Iterator[Key]) -> Iterator[Statement]:
        """Yields the statements that delete rows and their nested rows, which come first: they are found through them.

        Args:
            client: SQL client of the table's dataset; it quotes names.
            names: Columns of the key.
            keys: The values of the rows' keys.
        """
        row_id, parent_id = map(client.escape_column_name, ("_dlt_id", "_dlt_parent_id"))
        for condition, values in _conditions(client, names, keys):
            where = {self.name: condition}
            for name, parent in self.nested:
                rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {where[parent]}"  # noqa: S608 - quoted by dlt
                where[name] = f"{parent_id} IN ({rows})"
            for name, chosen in reversed(where.items()):
                yield f"DELETE FROM {client.make_qualified_table_name(name)} WHERE {chosen}", values  # noqa: S608 - quoted by dlt

    def mark(
        self, client: SqlClientBase[Any], names: Sequence[str], keys: Iterator[Key], moment: datetime | None
    ) -> Iterator[Statement]:
        """Yields the statements that set when rows were found deleted.

        Args:
            client: SQL client of the table's dataset; it quotes names.
            names: Columns of the key.
            keys: The values of the rows' keys.
            moment: The time, None for rows that the source has again.
        """
        table, column = client.make_qualified_table_name(self.name), client.escape_column_name(DELETED_AT)
        for condition, values in _conditions(client, names, keys):
            yield f"UPDATE {table} SET {column} = %s WHERE {condition}", (moment, *values)  # noqa: S608 - quoted by dlt


def _conditions(
    client: SqlClientBase[Any], names: Sequence[str], keys: Iterator[Key]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yields the SQL condition of some keys, and its values."""
    columns = ", ".join(client.escape_column_name(normalize(name)) for name in names)
    one = ", ".join(["%s"] * len(names))
    one = f"({one})" if len(names) > 1 else one
    while some := list(islice(keys, KEYS_PER_STATEMENT)):
        values = tuple(value for key in some for value in key)
        yield f"({columns}) IN ({', '.join([one] * len(some))})", values
