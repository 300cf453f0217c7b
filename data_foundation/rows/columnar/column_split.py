"""Splits a page of rows into columns: lists of values, for each table that the rows become."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np

from data_foundation.rows.columnar.arrow_conversions import NotColumnar, without_value
from data_foundation.rows.exact.row_shape import ObjectShape, TableShape

_NONE = frozenset({NoneType})
_DICTS, _LISTS = frozenset({dict}), frozenset({list})

CACHED_ROWS = 500
"""Rows that are split at once: few enough to be still in the processor's cache when their last key is read."""

Indexes = np.ndarray[Any, np.dtype[np.int64]]
"""Indexes of rows, or one number for each row."""


@dataclass(frozen=True)
class ColumnValues:
    """The values of a column, one for each row of its table.

    Attributes:
        values: A list, or an Arrow array if Arrow read them; None for a row without a value.
        kinds: The types of the values but None; empty if no row has a value.
    """

    values: Any
    kinds: frozenset[type]


@dataclass
class TablePart:
    """The part of a page that becomes rows of one table.

    Attributes:
        name: The table's name.
        count: The number of rows.
        parent: The part whose rows hold the lists that became this part's rows, None for the root.
        lengths: The lengths of those lists, one for each row of the parent.
        of: The type of the lists' items: dict, list, or object for values; dict for the root.
        columns: The columns, by name.
        children: The parts of the child tables.
    """

    name: str
    count: int
    parent: TablePart | None = None
    lengths: Indexes = field(default_factory=lambda: np.zeros(0, np.int64))
    of: type = dict
    columns: dict[str, ColumnValues] = field(default_factory=dict)
    children: list[TablePart] = field(default_factory=list)

    def family(self) -> Iterable[TablePart]:
        """Yields this part and all below it, a parent before its children."""
        yield self
        for child in self.children:
            yield from child.family()

    def parents(self) -> Indexes:
        """Returns the index of the parent of every row."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def indexes(self) -> Indexes:
        """Returns the index of every row in its list."""
        begins = np.cumsum(self.lengths) - self.lengths
        return np.arange(self.count) - np.repeat(begins, self.lengths)

    def root_row(self, index: int) -> int:
        """Returns the index of the row of the page that a row was nested in."""
        if self.parent is None:
            return index
        return self.parent.root_row(int(self.parents()[index]))


def split_page(table: TableShape, rows: Sequence[dict[Any, Any]]) -> TablePart:
    """Returns the columns of a page of rows.

    Args:
        table: The root table.
        rows: At least one.

    Raises:
        NotColumnar: A row is no dict, or a key has both objects and lists or values.
        ValueRefused: A key cannot name a column, or two keys become one column.
    """
    if frozenset(map(type, rows)) != _DICTS:
        raise NotColumnar("a row that is no dict")
    part = TablePart(table.name, len(rows))
    _split_objects(table.row, rows, part)
    return part


def _split_objects(node: ObjectShape, rows: Sequence[dict[Any, Any]], into: TablePart) -> None:
    for key, (values, kinds) in _columns(rows).items():
        _split_values(node, key, values, kinds, into)


def _columns(rows: Sequence[dict[Any, Any]]) -> dict[Any, tuple[list[Any], set[type]]]:
    """Returns the values of every key, None for a row without the key, and their types; keys as they first appear."""
    first = dict.fromkeys(next(iter(rows), ()))
    if set(map(len, rows)) == {len(first)}:
        # Rows of one length that have all keys of the first have no others.
        with suppress(KeyError):
            return _pick(rows, first)
    keys = dict.fromkeys(chain.from_iterable(rows))
    return _pick(rows, keys, lambda row: keys | row)


def _pick(
    rows: Sequence[dict[Any, Any]],
    keys: dict[Any, None],
    filled: Callable[[dict[Any, Any]], dict[Any, Any]] | None = None,
) -> dict[Any, tuple[list[Any], set[type]]]:
    """Returns the values of the keys, and their types.

    Args:
        rows: The rows.
        keys: The keys.
        filled: Adds the keys that a row does not have.

    Raises:
        KeyError: A row does not have a key.
    """
    columns: dict[Any, tuple[list[Any], set[type]]] = {key: ([], set()) for key in keys}
    if not keys:
        return columns
    # With one key, itemgetter would return the value instead of a tuple.
    pick = itemgetter(*keys, *keys) if len(keys) == 1 else itemgetter(*keys)
    for start in range(0, len(rows), CACHED_ROWS):
        some = rows[start : start + CACHED_ROWS]
        try:
            picked = list(map(pick, some))
        except KeyError:
            if filled is None:
                raise
            picked = [pick(filled(row)) for row in some]
        for (values, kinds), more in zip(columns.values(), zip(*picked, strict=True), strict=False):
            values.extend(more)
            kinds.update(map(type, more))
    return columns


def _split_values(node: ObjectShape, key: Any, values: Sequence[Any], types: Collection[type], into: TablePart) -> None:
    kinds = frozenset(types) - _NONE
    name = node.column(key, next((value for value in values if value is not None), None))
    is_nested = not kinds.isdisjoint({dict, list}) and not node.is_json(name)
    if (is_nested or not kinds) and not node.is_nullable(name):
        raise without_value(name)
    if is_nested and kinds == _DICTS:
        _split_objects(node.object(key), [value if value is not None else {} for value in values], into)
    elif is_nested and kinds == _LISTS:
        _split_lists(node.child_table(key), values, into)
    elif is_nested:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise NotColumnar(f"{names} under one key")
    else:
        node.claim(name, key)
        into.columns[name] = ColumnValues(values, kinds)


def _split_lists(table: TableShape, lists: Sequence[list[Any] | None], into: TablePart) -> None:
    lengths = np.fromiter((len(items) if items else 0 for items in lists), np.int64, len(lists))
    items = list(chain.from_iterable(items for items in lists if items))
    if not items:
        return
    kinds = frozenset(map(type, items))
    of = list if kinds == _LISTS else dict if kinds - _NONE == _DICTS else object
    if of is object and not kinds.isdisjoint({dict, list}):
        raise NotColumnar("objects, lists and values in one list")
    child = TablePart(table.name, len(items), into, lengths, of)
    into.children.append(child)
    if of is list:
        _split_objects(table.wrapped, [{"list": item} for item in items], child)
    elif of is dict:
        _split_objects(table.row, [item if item is not None else {} for item in items], child)
    else:
        _split_values(table.row, "value", items, kinds, child)
