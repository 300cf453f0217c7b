"""Copies what an entry yields, because the entry may change it as soon as it continues."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from data_foundation.rows.exact.value_rules import DEEPEST, is_frame, plain


def copy_rows(rows: Sequence[Any]) -> list[Any]:
    """Returns copies of rows, with copies of the dicts and lists in them.

    A row without nested values takes a tenth of a microsecond: a dict that the garbage collector does not track holds
    no value that could be changed.
    """
    try:
        if not any(map(gc.is_tracked, rows)):
            return list(map(dict.copy, rows))
    except TypeError:
        pass  # a row is no dict
    return [_copy(row) for row in rows]


def copy_item(item: Any) -> Any:
    """Returns a copy of an item: a row, a list of rows, a frame or a list of frames, or JSON."""
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    if is_frame(item):
        return _copy_frame(item)
    if not isinstance(item, list):
        return _copy(item)
    return [copy_item(one) for one in item] if any(map(is_frame, item)) else copy_rows(item)


def _copy_frame(frame: Any) -> Any:
    kind = type(frame).__module__.split(".")[0]
    if kind == "pandas":
        return frame.copy()
    # The buffers of polars are immutable.
    return frame if kind == "polars" else copy_table(frame)


def copy_table(table: Any) -> Any:
    """Returns a copy of an Arrow table or batch; its arrays may use the memory of a numpy array."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write(table)
    read = pa.ipc.open_stream(sink.getvalue())
    return read.read_all() if isinstance(table, pa.Table) else read.read_next_batch()


def _copy(value: Any, depth: int = 0) -> Any:
    if not gc.is_tracked(value) and not isinstance(value, dict | list):
        return value
    found = plain(value)
    if depth > DEEPEST:
        return found  # refused later
    if isinstance(found, dict):
        return {key: _copy(inner, depth + 1) for key, inner in found.items()}
    return [_copy(inner, depth + 1) for inner in found] if isinstance(found, list) else found
