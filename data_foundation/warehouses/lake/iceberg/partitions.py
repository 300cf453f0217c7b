"""Partitions an Iceberg table within the commit that writes the rows; files that exist stay in their partitions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyiceberg.transforms import VoidTransform, parse_transform
from pyiceberg.types import DoubleType, FloatType, TimeType

from data_foundation.errors import LoadError

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Transaction
    from pyiceberg.table.metadata import TableMetadata

    from data_foundation.warehouses.lake.partitions.hints import PartitionHint

NO_VALUE_OF = (FloatType, DoubleType)
"""Types whose values have no partition: NaN equals nothing, and 0.0 equals -0.0."""


def check_hints(table: str, hints: Sequence[PartitionHint], schema: Schema) -> None:
    """Refuses partitions that columns cannot have.

    Args:
        table: Table name.
        hints: The partitions.
        schema: All columns of the table, once its rows are written.

    Raises:
        LoadError: Names the column, and what is accepted.
    """
    for hint in hints:
        where = f"{table}: columns.{hint.column}.partition: got {hint.transform}"
        if hint.column not in schema.column_names:
            message = (
                f"{table}: the rows have no column {hint.column}, by which the table is to be partitioned; give it a "
                "data_type in `columns`, or leave its `partition` out"
            )
            raise LoadError(message)
        kind = schema.find_type(hint.column)
        try:
            transform = parse_transform(hint.transform)
        except ValueError as error:
            accepted = "identity, year, month, day, hour, bucket[16], truncate[4]"
            raise LoadError(f"{where}; accepted: {accepted}") from error
        is_odd = isinstance(kind, NO_VALUE_OF) or (isinstance(kind, TimeType) and hint.transform.startswith("bucket"))
        if is_odd or not transform.can_transform(kind):
            message = (
                f"{where} for a column of type {kind}; accepted: true for all types but double, year, month and day "
                "for dates and timestamps, hour for timestamps, bucket[16] for all but bool, double and time, "
                "truncate[4] for text, binary, whole numbers and decimals"
            )
            raise LoadError(message)


def remove_fields(change: Transaction, hints: Sequence[PartitionHint] = ()) -> None:
    """Removes the partition fields of a table that are not among `hints`."""
    metadata = change.table_metadata
    wanted = {_key(metadata, hint) for hint in hints}
    removed = [field.name for field in _fields(metadata) if (field.source_id, str(field.transform)) not in wanted]
    if removed:
        with change.update_spec() as update:
            for name in removed:
                update.remove_field(name)


def add_fields(change: Transaction, hints: Sequence[PartitionHint]) -> None:
    """Adds the partition fields that a table does not have."""
    metadata = change.table_metadata
    existing = {(field.source_id, str(field.transform)) for field in _fields(metadata)}
    if new := [hint for hint in hints if _key(metadata, hint) not in existing]:
        with change.update_spec() as update:
            for hint in new:
                update.add_field(hint.column, hint.transform, hint.name or _name(hint))


def find_spec(metadata: TableMetadata, schema_id: int) -> int:
    """Returns the id of the newest partitioning whose columns a schema has; the current one if it has them.

    Args:
        metadata: The table's metadata.
        schema_id: The schema.
    """
    schema = next(schema for schema in metadata.schemas if schema.schema_id == schema_id)
    ids = {field.field_id for field in schema.fields}
    current = metadata.default_spec_id
    known = sorted(metadata.partition_specs, key=lambda spec: (spec.spec_id == current, spec.spec_id), reverse=True)
    return next((spec.spec_id for spec in known if {field.source_id for field in spec.fields} <= ids), current)


def _name(hint: PartitionHint) -> str:
    """Returns a name that no column has, now or later, which pyiceberg would refuse: dlt's do not end like this."""
    return f"{hint.column}_{re.sub(r'[^a-z0-9]+', '_', hint.transform).strip('_')}_"


def _fields(metadata: TableMetadata) -> list[Any]:
    return [field for field in metadata.spec().fields if not isinstance(field.transform, VoidTransform)]


def _key(metadata: TableMetadata, hint: PartitionHint) -> tuple[int, str]:
    return metadata.schema().find_field(hint.column).field_id, str(parse_transform(hint.transform))
