"""Reads how the schema of a table has changed: dlt stores each version of it in the warehouse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.errors import FoundationError
from data_foundation.naming import TableName, schema_name
from data_foundation.vault.dlt_tables import newest_key
from data_foundation.warehouses.connection import as_moment, connect
from data_foundation.warehouses.lake.warehouse import of_lake

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse

HINTS = ("data_type", "precision", "scale", "timezone", "nullable", "primary_key", "unique")
"""What a change of a column is made of; further hints of dlt change no table."""


@dataclass(frozen=True)
class SchemaVersion:
    """One version of a table's schema.

    Attributes:
        version: Its number, which grows with each change.
        stored: When a load stored it, UTC.
        columns: dlt's column schemas by table and column; nested tables are included, columns of dlt are not.
        disposition: How the last load wrote the table: append, replace or merge; "" if it is not stored.
        changes: What differs from the version before, one line for each change.
        strategy: The strategy of a merge, for instance scd2; "" if it is not stored.
        vault_key: The key columns of a vault in their order; empty if they are not stored.
    """

    version: int
    stored: datetime
    columns: Mapping[str, Mapping[str, Mapping[str, Any]]]
    disposition: str = ""
    changes: tuple[str, ...] = ()
    strategy: str = ""
    vault_key: tuple[str, ...] = ()


def read_history(warehouse: Warehouse, table: TableName) -> list[SchemaVersion]:
    """Returns the versions of a table's schema that the warehouse has, the oldest first.

    Args:
        warehouse: The warehouse.
        table: Dataset and table as they are configured.

    Raises:
        FoundationError: No load has stored a schema of the table, or the warehouse is a lake.
    """
    if warehouse.format:
        raise FoundationError(f"{table}: a lake has the newest schema in a file, and no history; leave out --history")
    with warehouse.open() as destination, connect(destination, warehouse.dataset(table.dataset)) as client:
        quote = client.escape_column_name
        names = ", ".join(map(quote, ("version", "inserted_at", "schema")))
        query = (
            f"SELECT {names} FROM {client.make_qualified_table_name('_dlt_version')} "  # noqa: S608 - quoted by dlt
            f"WHERE {quote('schema_name')} = %s ORDER BY {quote('version')}, {quote('inserted_at')}"
        )
        try:
            rows = client.execute_sql(query, schema_name(table.table)) or ()
        except DatabaseUndefinedRelation:
            rows = ()
    versions = [_version(table, int(number), as_moment(stored), json.loads(text)) for number, stored, text in rows]
    if not versions:
        raise FoundationError(f"{table}: no load has stored a schema of it in {warehouse.location}")
    none = SchemaVersion(0, versions[0].stored, {})
    return [_with_changes(before, after) for before, after in pairwise([none, *versions])]


def read_newest_schema(warehouse: Warehouse, table: TableName) -> SchemaVersion:
    """Returns the newest version of a table's schema, of a lake too; without its changes.

    Args:
        warehouse: The warehouse.
        table: Dataset and table as they are configured.

    Raises:
        FoundationError: No load has stored a schema of the table.
    """
    if not warehouse.format:
        return replace(read_history(warehouse, table)[-1], changes=())
    with warehouse.open() as destination:
        client = of_lake(destination).client_of(warehouse.dataset(table.dataset), schema_name(table.table))
        found = client.get_stored_schema(schema_name(table.table))
    if found is None:
        raise FoundationError(f"{table}: no load has stored a schema of it in {warehouse.location}")
    return _version(table, found.version, found.inserted_at, json.loads(found.schema))


def find_satellite(stored: SchemaVersion | None, first: str) -> str | None:
    """Returns the newest satellite of a vault, None before the first load; `first` is the name of its first one."""
    # Names of later satellites end in the time of their opening.
    return max((name for name in (stored.columns if stored else ()) if name.startswith(first)), default=None)


def _version(table: TableName, number: int, stored: datetime, schema: Mapping[str, Any]) -> SchemaVersion:
    own = schema["tables"].get(table.table, {})
    disposition = own.get("write_disposition") or ""
    strategy = (disposition == "merge" and own.get("x-merge-strategy")) or ""
    return SchemaVersion(
        number,
        stored,
        _columns(schema),
        str(disposition),
        strategy=str(strategy),
        vault_key=newest_key(schema["tables"]),
    )


def _with_changes(before: SchemaVersion, after: SchemaVersion) -> SchemaVersion:
    return replace(after, changes=tuple(_compare(before.columns, after.columns)))


def _columns(schema: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Returns the complete columns of a stored schema by table, without those of dlt."""
    return {
        name: {
            column: hints
            for column, hints in table.get("columns", {}).items()
            if not column.startswith("_dlt_") and hints.get("data_type")
        }
        for name, table in schema["tables"].items()
        if not name.startswith("_dlt")
    }


def _compare(
    before: Mapping[str, Mapping[str, Mapping[str, Any]]], after: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Iterator[str]:
    """Yields a line for each table and column that differs."""
    for table in sorted({*before, *after}):
        old, new = before.get(table, {}), after.get(table, {})
        if new and not old:
            yield f"new table {table}: {', '.join(describe_column(name, hints) for name, hints in new.items())}"
            continue
        if old and not new:
            yield f"table {table} is gone"
            continue
        for column in dict.fromkeys((*new, *old)):
            yield from _compare_column(f"{table}.{column}", old.get(column), new.get(column))


def _compare_column(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if new is None:
        yield f"column {name} is gone"
    elif old is None:
        yield f"new column {describe_column(name, new)}"
    elif _hints(old) != _hints(new):
        yield f"column {name}: {describe_type(old)} is now {describe_type(new)}"


def _hints(column: Mapping[str, Any]) -> Sequence[Any]:
    return [column.get(hint, hint in ("nullable", "timezone")) or None for hint in HINTS]


def describe_column(name: str, column: Mapping[str, Any]) -> str:
    """Returns name and type, for instance `amount decimal(12, 2)`."""
    return f"{name} {describe_type(column)}"


def describe_type(column: Mapping[str, Any]) -> str:
    """Returns the type of a column with its precision, and whether it must have a value or is a key."""
    numbers = [str(column[key]) for key in ("precision", "scale") if column.get(key) is not None]
    kind = f"{column['data_type']}({', '.join(numbers)})" if numbers else str(column["data_type"])
    zone = " without time zone" if column.get("timezone") is False else ""
    words = [" not null" * (column.get("nullable") is False), " key" * bool(column.get("primary_key"))]
    return kind + zone + "".join(words)
