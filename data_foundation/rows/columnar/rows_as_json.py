"""Writes rows that have only JSON values as JSON, for Arrow to read into columns.

Splitting them in Python takes several times as long, and holds the GIL all the time.
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
from data_foundation.rows.columnar.column_split import CACHED_ROWS, Indexes, TablePart
from data_foundation.rows.columnar.json_reader import Field, Items, JsonReader

# orjson would write these as text or objects.
_NO_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_A_LINE = _NO_JSON | orjson.OPT_APPEND_NEWLINE

_LOST = "a value that JSON cannot hold"
_EMPTY: dict[Any, Any] = {}

Values = Callable[[], Sequence[Any]]
"""Returns the values under a key of all rows; called only if a column has a null."""


def read_plain(reader: JsonReader, rows: Sequence[dict[Any, Any]]) -> tuple[TablePart, bytes]:
    """Returns the columns of rows, and the rows as JSON.

    Raises:
        NotColumnar: A key, a type or a nesting is unknown, or JSON cannot hold a value.
    """
    try:
        line = orjson.dumps({"": rows}, option=_A_LINE)
        part = reader.read([(line,)], is_unicode=True)
        _check_nulls(reader.rows.fields, part, lambda: rows)
    except TypeError as error:
        raise NotColumnar(_LOST) from error
    return part, line


def _check_nulls(fields: Sequence[Field], part: TablePart, rows: Values) -> None:
    """Checks that every null was a None: orjson also writes NaN and infinities as null.

    Raises:
        NotColumnar: The value of a key or the item of a list was not.
        TypeError: A value in place of an object was not.
    """
    lists = {child.name: child for child in part.children}
    nothing: dict[str, Indexes] = {}
    for field in fields:
        if field.fields:
            _check_nulls(field.fields, part, cache(partial(_objects, rows, field.key)))
        elif column := part.columns.get(field.name):
            nothing[field.key] = _nulls(column.values)
        elif field.items and (child := lists.get(field.items.table)):
            nothing[field.key] = np.flatnonzero(child.lengths == 0)
            _check_items(field.items, child, cache(partial(_items, rows, field.key)))
        else:
            # Objects without keys, or lists without items.
            nothing[field.key] = np.arange(part.count)
    _expect_nothing({key: at for key, at in nothing.items() if len(at)}, rows)


def _check_items(items: Items, child: TablePart, values: Values) -> None:
    if items.fields and items.of is dict:
        _check_nulls(items.fields, child, cache(lambda: [value or _EMPTY for value in values()]))
        return
    nulls = _nulls(child.columns["value"].values) if items.of is object else np.arange(child.count)
    if len(nulls) and any(map(values().__getitem__, nulls.tolist())):
        raise NotColumnar(_LOST)


def _expect_nothing(nothing: Mapping[str, Indexes], rows: Values) -> None:
    """Checks that the rows of the given indexes have an empty value under the key, for each key."""
    checked = rows() if nothing else ()
    # All keys of a row while it is in the processor's cache: fetching it takes longer than checking it.
    for start in range(0, len(checked), CACHED_ROWS):
        some = checked[start : start + CACHED_ROWS]
        for key, indexes in nothing.items():
            begin, end = np.searchsorted(indexes, (start, start + CACHED_ROWS))
            at = (indexes[begin:end] - start).tolist()
            if any(map(dict.get, map(some.__getitem__, at), repeat(key))):
                raise NotColumnar(_LOST)


def _nulls(values: pa.Array) -> Indexes:
    return np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else np.arange(0)


def _objects(rows: Values, key: str) -> Sequence[Any]:
    return [value or _EMPTY for value in map(dict.get, rows(), repeat(key))]


def _items(rows: Values, key: str) -> Sequence[Any]:
    return list(chain.from_iterable(filter(None, map(dict.get, rows(), repeat(key)))))
