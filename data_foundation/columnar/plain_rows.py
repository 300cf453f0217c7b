"""Rows that are plain JSON anyway, written as such for Arrow to read.

Taking them apart in Python takes several times as long, and all of it holds Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import chain, repeat
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from data_foundation.columnar.columns import NotColumnar
from data_foundation.columnar.json_pages import Field, Items, JsonReader
from data_foundation.columnar.tree import Indexes, Taken

# JSON would make text or objects of these.
_NO_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS

_LOST = "a value that JSON has not"
_EMPTY: dict[Any, Any] = {}

Seen = Callable[[], Sequence[Any]]
"""Returns what the rows have somewhere; it is only looked at where a column has a null."""


def read_plain(reader: JsonReader, rows: Sequence[dict[Any, Any]]) -> tuple[Taken, bytes]:
    """Returns the columns of rows of which nothing is new, and the JSON that says the same as the rows.

    Raises:
        NotColumnar: There is a key, a type or a shape that was not met, or a value that JSON has not.
    """
    try:
        line = orjson.dumps({"": rows}, option=_NO_JSON)
        taken = reader.read([(line,)], is_unicode=True)
        _check_nulls(reader.rows.fields, taken, lambda: rows)
    except TypeError as error:
        raise NotColumnar(_LOST) from error
    return taken, line


def _check_nulls(fields: Sequence[Field], taken: Taken, rows: Seen) -> None:
    """Looks for what became null, as NaN and the infinities do: JSON has no such numbers.

    Raises:
        NotColumnar: Something did, as the value of a key or the item of a list.
        TypeError: Something did where an object is expected.
    """
    lists = {child.name: child for child in taken.children}
    for field in fields:
        values = partial(_values, rows, field.key)
        if field.fields:
            _check_nulls(field.fields, taken, cache(partial(_objects, values)))
        elif leaf := taken.leaves.get(field.name):
            _expect_nothing(values, _nulls(leaf.values))
        elif field.items and (child := lists.get(field.items.table)):
            _expect_nothing(values, np.flatnonzero(child.lengths == 0))
            _check_items(field.items, child, cache(partial(_flat, values)))
        else:
            # Objects without a key, or lists without an item.
            _expect_nothing(values, np.arange(taken.count))


def _check_items(items: Items, child: Taken, values: Seen) -> None:
    if items.of is object:
        _expect_nothing(partial(_at, values), _nulls(child.leaves["value"].values))
    elif items.fields:
        _check_nulls(items.fields, child, cache(partial(_objects, values)))
    else:
        _expect_nothing(partial(_at, values), np.arange(child.count))


def _expect_nothing(values: Callable[[Indexes], Iterable[Any]], at: Indexes) -> None:
    if len(at) and any(values(at)):
        raise NotColumnar(_LOST)


def _nulls(values: pa.Array) -> Indexes:
    return np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else np.arange(0)


def _at(seen: Seen, at: Indexes | None = None) -> Iterable[Any]:
    return seen() if at is None else map(seen().__getitem__, at.tolist())


def _values(rows: Seen, key: str, at: Indexes | None = None) -> Iterable[Any]:
    return map(dict.get, _at(rows, at), repeat(key))


def _objects(values: Callable[[], Iterable[Any]]) -> Sequence[Any]:
    return [value or _EMPTY for value in values()]


def _flat(lists: Callable[[], Iterable[Any]]) -> Sequence[Any]:
    return list(chain.from_iterable(filter(None, lists())))
