"""Checks dict rows value by value: quickly where a value is certainly exact, closely otherwise."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import Any

from data_foundation.rows.exact.column_rules import Check, Conversion, anything, quick_check
from data_foundation.rows.exact.row_shape import ObjectShape, Path, TableShape, spell_path
from data_foundation.rows.exact.schema_preview import Landing
from data_foundation.rows.exact.value_rules import (
    INT64,
    WIDE,
    Unacceptable,
    as_written,
    check_json,
    describe,
    is_frame,
    plain,
    to_be_parsed,
)


class RowValidator:
    """Checks the dict rows of one resource, and removes what the schema contract discards.

    Attributes:
        shape: The root table.
        preview: The predicted schema of the load.
        context: The row that is being checked.
        trimming: True once the row at hand is not written as it is: the contract discards something of it, or a text of
            it becomes JSON.
        discarded: How often the contract discarded something, by a phrase that names it.
    """

    def __init__(self, shape: TableShape) -> None:
        self.shape, self.preview, self.context = shape, shape.preview, shape.context
        self.trimming = False
        self.discarded: Counter[str] = Counter()
        self._root = _TableCheck(self, shape)

    def check(self, page: list[Any], before: int) -> list[Any]:
        """Returns the page, without what the contract discards.

        Args:
            page: Rows.
            before: How many rows came before this page.

        Raises:
            ValueRefused: A value would be changed or lost; the error names row and column.
        """
        check, context, trimmed = self._root.row.check, self.context, []
        self.trimming = False
        for context.number, item in enumerate(page, before + 1):
            row = item if type(item) is dict else self._as_row(item)
            check(row)
            if self.trimming:
                self.trimming = False
                trimmed.append((context.number - before - 1, row))
        if not trimmed:
            return page
        kept, end = [], 0
        for index, row in trimmed:
            context.number = before + index + 1
            kept += page[end:index] + self._root.trim([row])
            end = index + 1
        return kept + page[end:]

    def discard(self, path: Path, landing: Landing) -> str:
        """Returns the phrase under which a discarded value is counted; it begins with the contract's mode.

        Raises:
            ValueRefused: The mode is freeze.
        """
        try:
            return landing.discard(spell_path(path))
        except Unacceptable as error:
            raise self.context.refuse(path, str(error)) from None

    def _as_row(self, item: Any) -> dict[Any, Any]:
        row = plain(item)
        if isinstance(row, dict):
            return row
        if is_frame(row):
            raise self.context.refuse((), f"got {describe(row)} in a page of rows; yield each by itself")
        if row is None:
            raise self.context.refuse((), "got None for a row; leave it out of the page")
        return {"value": row}


class _RowDiscarded(Exception):
    """The contract discards a row."""


class _TableCheck:
    """Checks the rows of one table: the root's, or the items of the lists that become a child table.

    Attributes:
        discarded: The phrase for a child table that the contract discards, "" if it does not.
    """

    def __init__(self, validator: RowValidator, shape: TableShape) -> None:
        self.validator, self.shape = validator, shape
        self.row = _ObjectCheck(validator, shape.row)
        self._wrapped = _ObjectCheck(validator, shape.wrapped)
        self.discarded = ""
        self._is_first_row = False

    def check(self, items: list[Any]) -> bool:
        """Checks every item of a list; returns False if the contract discards the child table."""
        validator, shape = self.validator, self.shape
        if items and not self.discarded and shape.name not in validator.preview.schema.tables:
            landing = validator.preview.enter_table(shape.name, shape.parent)
            self._is_first_row = not landing.mode
            if landing.mode:
                self.discarded = validator.discard(shape.row.path, landing)
        if self.discarded:
            return not items
        for item in items:
            nested = plain(item)
            self._object_for(nested).check(_as_object(nested))
            if self._is_first_row:
                self._is_first_row = False
                validator.preview.end_first_row(shape.name)
        return True

    def trim(self, items: list[Any]) -> list[Any]:
        """Returns the items of a list, or rows, without what the contract discards."""
        kept: list[Any] = []
        for item in items:
            nested = plain(item)
            try:
                trimmed = self._object_for(nested).trim(_as_object(nested))
            except _RowDiscarded:
                continue
            kept += [trimmed] if isinstance(nested, dict) else [*trimmed.values(), None][:1]
        return kept

    def _object_for(self, item: Any) -> _ObjectCheck:
        return self._wrapped if isinstance(item, list) else self.row


class _ObjectCheck:
    """Checks the values of a row, or of an object inside it."""

    def __init__(self, validator: RowValidator, shape: ObjectShape) -> None:
        self._validator, self._shape = validator, shape
        self._checks: dict[tuple[Any, type], Check] = {}
        self._objects: dict[Any, _ObjectCheck] = {}
        self._lists: dict[Any, _TableCheck] = {}

    def check(self, value: dict[Any, Any]) -> bool:
        """Checks every value; returns True."""
        checks = self._checks
        for key, inner in value.items():
            check = checks.get((key, inner.__class__))
            if check is None:
                check = self._choose(key, inner)
            if not check(inner) and self._check_closely(key, inner):
                self._validator.trimming = True
        return True

    def trim(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """Returns a copy without what the contract discards, and counts that.

        Raises:
            _RowDiscarded: The contract discards the whole row.
        """
        kept: dict[Any, Any] = {}
        for key, inner in value.items():
            if self._checks[key, inner.__class__](inner):
                gone = ""
            elif gone := self._check_closely(key, inner):
                self._validator.discarded[gone] += 1
            # The rows of a new child table are discarded, not the row that has the list.
            if gone.startswith("discard_row") and not self._is_list(key, inner):
                raise _RowDiscarded
            nested = plain(inner)
            if not gone and key in self._objects and isinstance(nested, dict):
                kept[key] = self._objects[key].trim(nested)
            elif not gone and key in self._lists and isinstance(nested, list):
                kept[key] = self._lists[key].trim(nested)
            elif not gone:
                kept[key] = to_be_parsed(inner) if self._is_json_text(key, inner) else self._as_loaded(key, inner)
        return kept

    def _choose(self, key: Any, value: Any) -> Check:
        """Chooses the check for values of this key and type."""
        kind, shape, preview = type(value), self._shape, self._validator.preview
        name = shape.column(key, value)
        nested = plain(value)
        column = preview.column(shape.table.name, name)
        if isinstance(nested, dict | list) and not shape.is_json(name):
            node: Any = self._object(key) if isinstance(nested, dict) else self._list(key)
            self._checks[key, kind] = node.check if nested is value else lambda inner: node.check(plain(inner))
        elif value is None and shape.is_nullable(name):
            shape.claim(name, key)
            self._checks[key, kind] = anything
        else:
            shape.claim(name, key)
            self._checks[key, kind] = lambda _inner: False
            if not column:
                # The value's close check enters its column; a cheaper check can be chosen after it.
                return lambda inner: self._check_first(key, inner)
            if kind is int and preview.numbers.has(shape.table.name, name):
                quick: Check | None = preview.numbers.quick_check(shape.table.name, name)
            else:
                quick = quick_check(kind, column, preview.decimals)
            self._checks[key, kind] = quick or self._checks[key, kind]
        return self._checks[key, kind]

    def _check_first(self, key: Any, value: Any) -> bool:
        if self._check_closely(key, value):
            self._validator.trimming = True
        else:
            del self._checks[key, type(value)]
            self._choose(key, value)
        return True

    def _check_closely(self, key: Any, value: Any) -> str:
        """Returns the phrase under which the contract discards the value, "" if it will be loaded unchanged.

        Raises:
            ValueRefused: The value would be changed or lost.
        """
        if self._is_list(key, value):
            return self._lists[key].discarded
        validator, table, path = self._validator, self._shape.table, (*self._shape.path, str(key))
        preview, name = validator.preview, self._shape.column(key, value)
        value = self._as_loaded(key, value.value if isinstance(value, Enum) else value)
        try:
            written = as_written(value)
            if isinstance(written, dict | list):
                check_json(value)
            landing = preview.land(table.name, table.parent, name, written)
            if landing.mode:
                return validator.discard(path, landing)
            if landing.column:
                # A value that cannot be converted goes to a column of its own, which another key may have.
                table.claim(str(landing.column["name"]), path, key)
                validator.trimming = validator.trimming or self._is_json_text(key, value)
                is_declared = preview.is_declared(table.name, name)
                Conversion(value, landing.value, landing.column, is_declared).refuse_change(preview.decimals)
        except Unacceptable as error:
            raise validator.context.refuse(path, str(error)) from None
        return ""

    def _as_loaded(self, key: Any, value: Any) -> Any:
        """Returns an int beyond 64 bits as the kind of its column if that holds it; any other value unchanged."""
        if type(value) is not int or value in INT64:
            return value
        column = self._validator.preview.column(self._shape.table.name, self._shape.column(key, value))
        convert = WIDE.get(str((column or {}).get("data_type")))
        if not convert:
            return value
        self._validator.trimming = True
        return convert(value)

    def _is_json_text(self, key: Any, value: Any) -> bool:
        """Returns whether a value is text that a JSON column stores."""
        if not isinstance(value, str):
            return False
        column = self._validator.preview.column(self._shape.table.name, self._shape.column(key, value))
        return bool(column and column["data_type"] == "json")

    def _is_list(self, key: Any, value: Any) -> bool:
        """Returns whether a value is a list that becomes rows of a child table."""
        return key in self._lists and isinstance(plain(value), list)

    def _object(self, key: Any) -> _ObjectCheck:
        if key not in self._objects:
            self._objects[key] = _ObjectCheck(self._validator, self._shape.object(key))
        return self._objects[key]

    def _list(self, key: Any) -> _TableCheck:
        if key not in self._lists:
            self._lists[key] = _TableCheck(self._validator, self._shape.child_table(key))
        return self._lists[key]


def _as_object(item: Any) -> dict[Any, Any]:
    """Returns an item of a list as the row that it becomes."""
    if isinstance(item, dict):
        return item
    return {"list" if isinstance(item, list) else "value": item}
