"""Converts columns of Arrow to text, column by column in C++, without loss."""

from __future__ import annotations

import binascii
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.json import json


def join(*parts: Any, by: str = "") -> pa.Array:
    """Returns the texts of each row joined; NULL if one of them is NULL."""
    return pc.binary_join_element_wise(
        *(pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in (*parts, by))
    )


def is_text(kind: pa.DataType) -> bool:
    """Returns whether a type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Returns whether a type holds bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def escape(texts: pa.Array, escapes: tuple[tuple[str, str], ...]) -> pa.Array:
    """Returns texts with each character replaced by its escape, in the order of the pairs."""
    data = texts.buffers()[2]
    held = data.to_pybytes() if data else b""
    for character, escaped in escapes:
        if character.encode() in held:
            texts = pc.replace_substring(texts, character, escaped)
    return texts


def as_json(column: pa.Array) -> pa.Array:
    """Returns structs, lists and maps as JSON."""
    return pa.array([None if value is None else json.dumps(value) for value in column.to_pylist()], pa.large_string())


def as_plain_text(column: pa.Array) -> pa.Array:
    """Returns numbers, dates and times as text; moments are in UTC, whatever the zone of the column."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz:
        # By way of the integer: a cast of the moment would spell its zone.
        return column.cast(pa.int64()).cast(pa.timestamp(kind.unit)).cast(pa.large_string())
    if pa.types.is_floating(kind):
        # The shortest text of a 32-bit float is a different number when read as a double.
        column = column.cast(pa.float64())
    return column.cast(pa.large_string())


def as_hex(values: pa.Array, before: str, after: str = "") -> pa.Array:
    """Returns bytes as hexadecimal digits between two texts."""
    values = values.cast(pa.large_binary())
    if values.offset or not len(values):
        values = pa.concat_arrays([values, pa.array([b""], values.type)]).slice(0, len(values))
    validity, offsets, data = values.buffers()
    twice = pc.multiply(pa.Array.from_buffers(pa.int64(), len(values) + 1, [None, offsets]), 2)
    digits = pa.py_buffer(binascii.hexlify(data) if data else b"")
    texts = pa.Array.from_buffers(pa.large_string(), len(values), [validity, twice.buffers()[1], digits])
    return join(before, texts, after)
