"""The Arrow types in which frames are loaded: one for each kind of value, however the frame encodes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

_WIDEST = 38
"""The most digits of a 128-bit decimal."""

# As wide as those of dicts, so that later values fit; a column's own type takes precedence. dlt writes a column that a
# frame does not have as nulls of these types, and a file has one type for each column.
_LOADED = {
    **dict.fromkeys((pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32()), pa.int64()),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float64(),
    pa.float32(): pa.float64(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
}

SAME_VALUES = frozenset({pa.large_string(), pa.large_binary(), pa.float16(), pa.float32()})
"""Types whose every value the loaded type has too."""


def loaded_type(kind: pa.DataType) -> pa.DataType:
    """Returns the type in which values of an unencoded type are loaded: times in microseconds, 64-bit numbers."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_decimal(kind) and kind.precision <= _WIDEST:
        return pa.decimal128(kind.precision, kind.scale)
    return _LOADED.get(kind, kind)


def unencoded(column: Any) -> Any:
    """Returns the values of a column without dictionaries, run lengths and extension types; UUIDs as text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return unencoded(column.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        return unencoded(pc.run_end_decode(column))
    if isinstance(kind, pa.BaseExtensionType):
        return _texts_of_uuids(column) if kind.extension_name == "arrow.uuid" else column.cast(kind.storage_type)
    return column


def _texts_of_uuids(column: Any) -> pa.Array:
    values = column.cast(column.type.storage_type).to_pylist()
    return pa.array([None if value is None else str(UUID(bytes=value)) for value in values], pa.string())
