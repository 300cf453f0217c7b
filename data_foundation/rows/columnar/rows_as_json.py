"""Rows that are plain JSON anyway, written as such for Arrow to read.

Taking them apart in Python takes several times as long, and all of it holds Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, repeat
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.column_split import AT_HAND, Indexes, TablePart
from data_foundation.rows.columnar.json_reader import Field, Items, JsonReader

# JSON would make text or objects of these.
_NO_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_A_LINE = _NO_JSON | orjson.OPT_APPEND_NEWLINE

_LOST = "a value that JSON has not"
_EMPTY: dict[Any, Any] = {}

Seen = Callable[[], Sequence[Any]]
"""Returns what the rows have somewhere; it is only looked at where a column has a null."""


def read_plain(reader: JsonReader, rows: Sequence[dict[Any, Any]]) -> tuple[TablePart, bytes]:
    """Returns the columns of rows of which nothing is new, and the JSON that says the same as the rows.

    Raises:
        NotColumnar: There is a key, a type or a shape that was not met, or a value that JSON has not.
    """
    try:
        line = orjson.dumps({"": rows}, option=_A_LINE)
        taken = reader.read([(line,)], is_unicode=True)
        _check_nulls(reader.rows.fields, taken, lambda: rows)
    except TypeError as error:
        raise NotColumnar(_LOST) from error
    return taken, line


def _check_nulls(fields: Sequence[Field], taken: TablePart, rows: Seen) -> None:
    """Looks for what became null, as NaN and the infinities do: JSON has no such numbers.

    Raises:
        NotColumnar: Something did, as the value of a key or the item of a list.
        TypeError: Something did where an object is expected.
    """
    lists = {child.name: child for child in taken.children}
    nothing: dict[str, Indexes] = {}
    for field in fields:
        if field.fields:
            _check_nulls(field.fields, taken, cache(partial(_objects, rows, field.key)))
        elif leaf := taken.leaves.get(field.name):
            nothing[field.key] = _nulls(leaf.values)
        elif field.items and (child := lists.get(field.items.table)):
            nothing[field.key] = np.flatnonzero(child.lengths == 0)
            _check_items(field.items, child, cache(partial(_items, rows, field.key)))
        else:
            # Objects without a key, or lists without an item.
            nothing[field.key] = np.arange(taken.count)
    _expect_nothing({key: at for key, at in nothing.items() if len(at)}, rows)


def _check_items(items: Items, child: TablePart, values: Seen) -> None:
    if items.fields and items.of is dict:
        _check_nulls(items.fields, child, cache(lambda: [value or _EMPTY for value in values()]))
        return
    nulls = _nulls(child.leaves["value"].values) if items.of is object else np.arange(child.count)
    if len(nulls) and any(map(values().__getitem__, nulls.tolist())):
        raise NotColumnar(_LOST)


def _expect_nothing(nothing: Mapping[str, Indexes], rows: Seen) -> None:
    """Holds the rows to having nothing under some keys, each in the rows of its indexes."""
    seen = rows() if nothing else ()
    # All keys of a row while it is at hand: to fetch it from memory takes longer than to look at it.
    for start in range(0, len(seen), AT_HAND):
        some = seen[start : start + AT_HAND]
        for key, indexes in nothing.items():
            begin, end = np.searchsorted(indexes, (start, start + AT_HAND))
            at = (indexes[begin:end] - start).tolist()
            if any(map(dict.get, map(some.__getitem__, at), repeat(key))):
                raise NotColumnar(_LOST)


def _nulls(values: pa.Array) -> Indexes:
    return np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else np.arange(0)


def _objects(rows: Seen, key: str) -> Sequence[Any]:
    return [value or _EMPTY for value in map(dict.get, rows(), repeat(key))]


def _items(rows: Seen, key: str) -> Sequence[Any]:
    return list(chain.from_iterable(filter(None, map(dict.get, rows(), repeat(key)))))
