"""Copies what an entry yields, because the entry may change it as soon as it continues."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import is_dataclass
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

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
    """Returns a copy of an item for the steps behind it: a row, a list of rows, a frame or a list of frames, or JSON.

    Dicts and lists of other classes keep them: transformers call the methods of dlt's `FileItemDict`.
    """
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    if is_frame(item):
        return _copy_frame(item)
    if type(item) is not list:
        return _copy_kept(item)
    if any(map(is_frame, item)):
        return [copy_item(one) for one in item]
    return [_copy_kept(row) for row in item] if any(map(gc.is_tracked, item)) else copy_rows(item)


def _copy_kept(value: Any, depth: int = 0) -> Any:
    """Returns a copy of the same class; an object of a class that is no container of values is not copied."""
    if depth > DEEPEST or not (gc.is_tracked(value) or isinstance(value, dict | list)):
        return value
    if isinstance(value, dict):
        inner = {key: _copy_kept(one, depth + 1) for key, one in value.items()}
        return inner if type(value) is dict else _filled(value, inner)
    if isinstance(value, list):
        items = [_copy_kept(one, depth + 1) for one in value]
        return items if type(value) is list else _filled(value, items)
    is_record = isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type))
    return deepcopy(value) if is_record else value


def _filled(value: Any, inner: Any) -> Any:
    """Returns a shallow copy of a dict or list of another class, with other values."""
    copied = copy(value)
    if isinstance(copied, dict):
        dict.update(copied, inner)
    else:
        copied[:] = inner
    return copied


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
