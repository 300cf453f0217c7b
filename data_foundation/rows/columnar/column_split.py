"""A page of rows taken apart: the values of every column of every table that it becomes, in lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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

AT_HAND = 500
"""Rows that are taken apart at once: so many are still in the processor's cache when their last key is looked at."""

Indexes = np.ndarray[Any, np.dtype[np.int64]]
"""Of rows, or as many numbers as there are rows."""


@dataclass(frozen=True)
class ColumnValues:
    """A column's values, as many as its table has rows.

    Attributes:
        values: A list, or where they come from JSON an Arrow array; None where a row has none.
        kinds: Their types, None's left out; empty where no row has a value.
    """

    values: Any
    kinds: frozenset[type]


@dataclass
class TablePart:
    """What a page gives one table.

    Attributes:
        name: The table's.
        count: Its rows.
        parent: The table that the lists were in, None for the root.
        lengths: Of those lists, one for each row of the parent.
        of: What the lists' items are: dict, list, or object for values; dict for the root.
        leaves: By column.
        children: One for each list of lists or of objects below.
    """

    name: str
    count: int
    parent: TablePart | None = None
    lengths: Indexes = field(default_factory=lambda: np.zeros(0, np.int64))
    of: type = dict
    leaves: dict[str, ColumnValues] = field(default_factory=dict)
    children: list[TablePart] = field(default_factory=list)

    def family(self) -> Iterable[TablePart]:
        """Yields this table and all below it, a parent before its children."""
        yield self
        for child in self.children:
            yield from child.family()

    def parents(self) -> Indexes:
        """Returns for every row the index of its parent."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def indexes(self) -> Indexes:
        """Returns for every row its place in its list."""
        begins = np.cumsum(self.lengths) - self.lengths
        return np.arange(self.count) - np.repeat(begins, self.lengths)

    def root_row(self, index: int) -> int:
        """Returns the index of the page's row that a row comes from."""
        if self.parent is None:
            return index
        return self.parent.root_row(int(self.parents()[index]))


def split_page(table: TableShape, rows: Sequence[dict[Any, Any]]) -> TablePart:
    """Returns the columns of a page of rows.

    Args:
        table: The root table, whose names and nesting are dlt's.
        rows: At least one.

    Raises:
        NotColumnar: A row is no dict, or one key has objects, lists and values in turns.
        ValueRefused: A key can be no column, or two keys become one.
    """
    if frozenset(map(type, rows)) != _DICTS:
        raise NotColumnar("a row that is no dict")
    taken = TablePart(table.name, len(rows))
    _take_objects(table.row, rows, taken)
    return taken


def _take_objects(node: ObjectShape, rows: Sequence[dict[Any, Any]], into: TablePart) -> None:
    if keys := _keys(rows):
        for key, (values, kinds) in zip(keys, _columns(rows, keys), strict=True):
            _take_values(node, key, values, kinds, into)


def _keys(rows: Sequence[dict[Any, Any]]) -> dict[Any, None]:
    """Returns every key once, in the order of their first appearance."""
    first = dict.fromkeys(next(iter(rows), ()))
    if set().union(*rows) == first.keys():
        return first
    return dict.fromkeys(chain.from_iterable(rows))


def _columns(rows: Sequence[dict[Any, Any]], keys: dict[Any, None]) -> list[tuple[list[Any], set[type]]]:
    """Returns the values of every key, None where a row has none, and their types."""
    columns: list[tuple[list[Any], set[type]]] = [([], set()) for _ in keys]
    # A tuple for one key as for several.
    take = itemgetter(*keys, *keys) if len(keys) == 1 else itemgetter(*keys)
    for start in range(0, len(rows), AT_HAND):
        some = rows[start : start + AT_HAND]
        try:
            taken = list(map(take, some))
        except KeyError:
            taken = [take(keys | row) for row in some]
        for (values, kinds), more in zip(columns, zip(*taken, strict=True), strict=False):
            values.extend(more)
            kinds.update(map(type, more))
    return columns


def _take_values(node: ObjectShape, key: Any, values: Sequence[Any], types: Collection[type], into: TablePart) -> None:
    kinds = frozenset(types) - _NONE
    name = node.column(key, next((value for value in values if value is not None), None))
    is_nested = not kinds.isdisjoint({dict, list}) and not node.is_json(name)
    if (is_nested or not kinds) and not node.is_nullable(name):
        raise without_value(name)
    if is_nested and kinds == _DICTS:
        _take_objects(node.object(key), [value if value is not None else {} for value in values], into)
    elif is_nested and kinds == _LISTS:
        _take_lists(node.child_table(key), values, into)
    elif is_nested:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise NotColumnar(f"{names} under one key")
    else:
        node.claim(name, key)
        into.leaves[name] = ColumnValues(values, kinds)


def _take_lists(table: TableShape, lists: Sequence[list[Any] | None], into: TablePart) -> None:
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
        _take_objects(table.wrapped, [{"list": item} for item in items], child)
    elif of is dict:
        _take_objects(table.row, [item if item is not None else {} for item in items], child)
    else:
        _take_values(table.row, "value", items, kinds, child)
