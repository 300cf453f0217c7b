"""The tables and columns that dict rows become, each with what it knows of the values that came by."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from data_foundation.rows.exact.column_rules import Check, Conversion, anything, quick_check
from data_foundation.rows.exact.schema_preview import EMPTY_KEY
from data_foundation.rows.exact.value_rules import DEEPEST, Unacceptable, as_written, check_json, describe, plain

if TYPE_CHECKING:
    from data_foundation.rows.exact.row_context import RowContext

# Those that a row has from dlt. A root row may bring an id of its own.
_OWN_ID = "_dlt_id"
_DLT_KEYS = frozenset({"_dlt_load_id", "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id", _OWN_ID})
_LONGEST_TABLE_NAME = 200
"""Bytes that leave room for what dlt adds when it names a file after a table."""


class RowDiscarded(Exception):
    """The contract lets a row go."""


class Table:
    """The columns of one table, and which keys of the rows they come from."""

    def __init__(self, context: RowContext, name: str, parent: str, path: tuple[str, ...], level: int) -> None:
        if len(name) > _LONGEST_TABLE_NAME:
            reason = "nested lists give a table whose name is too long for a file; set max_table_nesting"
            raise context.refuse(path[:3], reason)
        self.context, self.name, self.parent, self.level = context, name, parent, level
        self.begins = False
        self._owners: dict[str, tuple[tuple[str, ...], Any]] = {}
        self.row = Object(self, path, (), level)
        # A list inside a list counts as a level of its own.
        self.wrapped = Object(self, path, (), level - 1)

    def take(self, items: list[Any]) -> None:
        """Looks at every item of a list."""
        for item in items:
            nested = plain(item)
            self.object_for(nested).take(_as_object(nested))
            if self.begins:
                self.begins = False
                self.context.ahead.end_first_row(self.name)

    def trim(self, items: list[Any]) -> list[Any]:
        """Returns what the contract leaves of the items of a list, or of rows."""
        kept: list[Any] = []
        for item in items:
            nested = plain(item)
            try:
                trimmed = self.object_for(nested).trim(_as_object(nested))
            except RowDiscarded:
                continue
            kept += [trimmed] if isinstance(nested, dict) else [*trimmed.values(), None][:1]
        return kept

    def object_for(self, item: Any) -> Object:
        """Returns what looks at an item as a row."""
        return self.wrapped if isinstance(item, list) else self.row

    def own(self, name: str, path: tuple[str, ...], key: Any) -> None:
        """Notes that a key becomes column `name`, or with [] in front the child table of that name.

        Raises:
            ValueRefused: Another key has become that already: its values and these could not be told apart.
        """
        owner, _ = taken = self._owners.setdefault(name, (path, key))
        if taken != (path, key):
            keys = f"'{'.'.join(owner)}' and '{'.'.join(path)}'"
            raise self.context.refuse(
                path, f"the keys {keys} become one name, {name.removeprefix('[]')}; rename one of them"
            )


class Object:
    """The keys of a row, or of an object inside it that becomes columns of the same table."""

    def __init__(
        self, table: Table, path: tuple[str, ...], names: tuple[str, ...], level: int, row_level: int | None = None
    ) -> None:
        if len(path) > DEEPEST:
            reason = f"got nested values deeper than {DEEPEST} levels, or a value that contains itself"
            raise table.context.refuse(path[:3], reason)
        self._table, self._path, self._names, self._level = table, path, names, level
        self._row_level = level if row_level is None else row_level
        self._checks: dict[tuple[Any, type], Check] = {}
        self._inner: dict[Any, Object] = {}
        self._lists: dict[Any, ListOf] = {}
        self._known: dict[Any, str] = {}

    def take(self, value: dict[Any, Any]) -> bool:
        """Looks at every value; True."""
        checks = self._checks
        for key, inner in value.items():
            check = checks.get((key, inner.__class__))
            if check is None:
                check = self._meet(key, inner)
            if not check(inner) and self._look(key, inner):
                self._table.context.trimming = True
        return True

    def trim(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """Returns a copy without what the contract discards, and counts that.

        Raises:
            RowDiscarded: The whole row goes.
        """
        kept: dict[Any, Any] = {}
        for key, inner in value.items():
            if self._checks[key, inner.__class__](inner):
                gone = ""
            elif gone := self._look(key, inner):
                self._table.context.discarded[gone] += 1
            if gone.startswith("discard_row"):
                raise RowDiscarded
            nested = plain(inner)
            if not gone and key in self._inner and isinstance(nested, dict):
                kept[key] = self._inner[key].trim(nested)
            elif not gone and key in self._lists and isinstance(nested, list):
                kept[key] = self._lists[key].table.trim(nested)
            elif not gone:
                kept[key] = inner
        return kept

    def _meet(self, key: Any, value: Any) -> Check:
        """Decides how values of this key and type are looked at."""
        kind = type(value)
        name = self.name(key, value)
        nested = plain(value)
        column = self._table.context.ahead.column(self._table.name, name)
        if isinstance(nested, dict | list) and not self.is_json(name):
            node: Any = self.object(key) if isinstance(nested, dict) else self.list_of(key, name)
            self._checks[key, kind] = node.take if nested is value else lambda inner: node.take(plain(inner))
        elif value is None and self.takes_nothing(name):
            self.claim(name, key)
            self._checks[key, kind] = anything
        else:
            self.claim(name, key)
            self._checks[key, kind] = lambda _inner: False
            if not column:
                # Its column, and with it a cheaper check, is known once this value has been looked at.
                return lambda inner: self._first(key, inner)
            quick = quick_check(kind, column, self._table.context.ahead.decimals)
            self._checks[key, kind] = quick or self._checks[key, kind]
        return self._checks[key, kind]

    def _first(self, key: Any, value: Any) -> bool:
        if self._look(key, value):
            self._table.context.trimming = True
        else:
            del self._checks[key, type(value)]
            self._meet(key, value)
        return True

    def _look(self, key: Any, value: Any) -> str:
        """Looks at one value closely; returns how the contract discards it, "" where it lands exactly."""
        context, path = self._table.context, (*self._path, str(key))
        if key in self._lists and isinstance(plain(value), list):
            return self._lists[key].discarded
        value = value.value if isinstance(value, Enum) else value
        try:
            written = as_written(value)
            if isinstance(written, dict | list):
                check_json(value)
            landing = context.ahead.land(self._table.name, self._table.parent, self._known[key], written)
            if landing.mode:
                return context.discard(path, landing)
            if landing.column:
                is_declared = context.ahead.is_declared(self._table.name, self._known[key])
                Conversion(value, landing.value, landing.column, is_declared).refuse_change(context.ahead.decimals)
        except Unacceptable as error:
            raise context.refuse(path, str(error)) from None
        return ""

    def is_json(self, name: str) -> bool:
        """Tells whether a dict or a list in this column stays one value."""
        return self._table.context.ahead.is_json(self._table.name, name, self._level)

    def object(self, key: Any) -> Object:
        """Returns what looks at the objects below a key, which become columns of the same table."""
        names = (*self._names, self._key_name(key))
        path = (*self._path, str(key))
        if key not in self._inner:
            self._inner[key] = Object(self._table, path, names, self._level - 1, self._row_level)
        return self._inner[key]

    def list_of(self, key: Any, name: str) -> ListOf:
        """Returns what looks at the lists below a key, which become a table of their own."""
        if key not in self._lists:
            ahead, path = self._table.context.ahead, (*self._path, str(key))
            child = ahead.shorten(self._table.name, *self._names, ahead.normalize_table(str(key)))
            if child == self._table.name:
                raise self._table.context.refuse(path, "got a list under an empty key, which names no table; rename it")
            self._table.own(f"[]{child}", path, key)
            self._lists[key] = ListOf(
                Table(self._table.context, child, self._table.name, (*path, "[]"), self._row_level - 1)
            )
            self._known[key] = name
        return self._lists[key]

    def name(self, key: Any, value: Any) -> str:
        """Returns the name of the column that a key becomes.

        Raises:
            ValueRefused: It can be none.
        """
        if key not in self._known:
            name = self._table.context.ahead.shorten(*self._names, self._key_name(key))
            if reason := self._why_no_key(key, name, value):
                raise self._table.context.refuse((*self._path, str(key)), reason)
            self._known[key] = name
        return self._known[key]

    def shape(self) -> Iterator[tuple[Any, str, Object | None, Table | None]]:
        """Yields every key that was met, its column, and what looks at the objects and at the lists below it."""
        for key, name in list(self._known.items()):
            yield key, name, self._inner.get(key), self._lists[key].table if key in self._lists else None

    def takes_nothing(self, name: str) -> bool:
        """Tells whether a column may be without a value; whatever it is, its type may not be known."""
        return self._table.context.ahead.is_nullable(self._table.name, name)

    def claim(self, name: str, key: Any) -> None:
        """Notes that a key becomes a column.

        Raises:
            ValueRefused: Another key does.
        """
        self._table.own(name, (*self._path, str(key)), key)

    def _why_no_key(self, key: Any, name: str, value: Any) -> str:
        if not isinstance(key, str | int) or isinstance(key, bool):
            return f"got a key that is {describe(key)}; keys are names of columns: text, or a whole number"
        if isinstance(key, str) and not key.isascii() and key.encode(errors="replace").decode() != key:
            return "got a key that cannot be written, it has a lone surrogate; rename it"
        if name == _OWN_ID and not self._table.parent:
            return "" if isinstance(value, str) else f"got {describe(value)}; an id is text"
        return "dlt fills a column of this name itself; rename the key" if name in _DLT_KEYS else ""

    def _key_name(self, key: Any) -> str:
        text = str(key)
        return self._table.context.ahead.normalize_key(text) if text.strip() else EMPTY_KEY


class ListOf:
    """A list inside a row, whose items become rows of a child table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.discarded = ""

    def take(self, items: list[Any]) -> bool:
        """Looks at every item; False where the contract lets none in."""
        context = self.table.context
        if items and not self.discarded and self.table.name not in context.ahead.schema.tables:
            landing = context.ahead.enter_table(self.table.name, self.table.parent)
            self.table.begins = not landing.mode
            if landing.mode:
                self.discarded = context.discard(self.table.row._path, landing)  # noqa: SLF001 - one module
        if self.discarded:
            return not items
        self.table.take(items)
        return True


def _as_object(item: Any) -> dict[Any, Any]:
    """Returns an item of a list as the row that it becomes."""
    if isinstance(item, dict):
        return item
    return {"list" if isinstance(item, list) else "value": item}
