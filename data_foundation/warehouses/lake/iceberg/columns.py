"""Adds and replaces columns of Iceberg tables, within the commit that writes the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.io.pyarrow import pyarrow_to_schema
from pyiceberg.schema import Schema
from pyiceberg.table.name_mapping import MappedField, NameMapping
from pyiceberg.types import NestedField

if TYPE_CHECKING:
    from pyiceberg.table import Transaction
    from pyiceberg.types import IcebergType


def add_columns(change: Transaction, known: Schema, schema: pa.Schema) -> None:
    """Adds the columns that a table does not have.

    Args:
        change: The commit.
        known: The columns of the table.
        schema: The columns of the rows.
    """
    types = _find_types(schema)
    if new := [name for name in types if name not in known.column_names]:
        with change.update_schema() as update:
            for name in new:
                update.add_column((name,), types[name])


def replace_columns(change: Transaction, known: Schema, schema: pa.Schema) -> None:
    """Leaves only the columns of `schema`; one of another type becomes a new column with the same name.

    Args:
        change: The commit, which also removes all rows.
        known: The columns of the table.
        schema: The columns that remain.
    """
    types = _find_types(schema)
    old = {field.name: field.field_type for field in known.fields}
    if changed := {name for name in {*types, *old} if types.get(name) != old.get(name)}:
        with change.update_schema(allow_incompatible_changes=True) as update:
            for name in [name for name in old if name in changed]:
                update.delete_column((name,))
            for name in [name for name in types if name in changed]:
                update.add_column((name,), types[name])


def all_columns(known: Schema | None, schema: pa.Schema) -> Schema:
    """Returns the columns of a table and those of rows, as one schema with ids of its own.

    Args:
        known: The columns of the table, None if it does not exist or its columns do not count.
        schema: The columns of the rows.
    """
    types = {**_find_types(schema), **({field.name: field.field_type for field in known.fields} if known else {})}
    fields = [NestedField(number, name, types[name], required=False) for number, name in enumerate(types, 1)]
    return Schema(*fields)


def _find_types(schema: pa.Schema) -> dict[str, IcebergType]:
    """Returns the Iceberg type of each column."""
    fields: list[dict[str, Any]] = [
        {"field-id": number, "names": [name]} for number, name in enumerate(schema.names, 1)
    ]
    numbered = NameMapping([MappedField(**field) for field in fields])
    return {field.name: field.field_type for field in pyarrow_to_schema(schema, name_mapping=numbered).fields}
