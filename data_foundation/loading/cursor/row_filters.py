"""Applies a cursor to dicts and to frames: each returns what passes, and whether rows lay out of the range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.extract.incremental.exceptions import IncrementalCursorPathHasValueNone, IncrementalCursorPathMissing
from dlt.extract.incremental.transform import JsonIncremental

from data_foundation.errors import ValueRefused
from data_foundation.json_paths import unquote_path
from data_foundation.loading.cursor.frame_keys import FrameKeys, find_keys
from data_foundation.loading.cursor.position import Position
from data_foundation.rows.exact.arrow_validator import as_arrow
from data_foundation.rows.exact.value_rules import Unacceptable

Filtered = tuple[Any, bool, bool]
"""What passes of an item, None for nothing; whether rows lay before the start, and behind the end."""


class DictFilter:
    """Passes single rows."""

    def __init__(self, position: Position, find_value: Callable[[Any], Any]) -> None:
        self._position = position
        self._find_value = find_value

    def __call__(self, row: Any) -> Filtered:
        """Returns the row if it passes."""
        position = self._position
        if row is None:
            return None, False, False
        value = self._find_value(row)
        if value is None:
            return (None if position.take_missing(row) else row), False, False
        key = position.order.key(value)
        if position.end is not None and position.is_after_end(key):
            return None, False, True
        if position.start is not None and position.is_before_start(key):
            position.dropped += key != position.start
            return None, True, False
        if key == position.stored and position.take_known(row):
            return None, True, False
        position.advance(key, value, row)
        return row, False, False


def find_value_reader(resource_name: str, cursor_path: str, on_missing: str) -> Callable[[Any], Any]:
    """Returns dlt's own function that finds the cursor's value in a row; None for a row without one."""
    reader = JsonIncremental(resource_name, cursor_path, None, None, None, max, (), set(), on_missing)  # type: ignore[arg-type]
    return reader.find_cursor_value


class FrameFilter:
    """Passes the rows of frames."""

    def __init__(self, position: Position, resource_name: str, cursor_path: str) -> None:
        self._position = position
        self._resource_name = resource_name
        self._path = unquote_path(cursor_path)

    def __call__(self, frame: Any) -> Filtered:
        """Returns the rows of a frame that pass, as an Arrow table.

        Raises:
            IncrementalCursorPathMissing: The frame has no column of the cursor's name.
            IncrementalCursorPathHasValueNone: A value is missing, and that is not allowed.
            ValueRefused: A value has no order.
        """
        try:
            table = as_arrow(frame)
        except Unacceptable as error:
            raise ValueRefused(str(error)) from None
        if not len(table):
            return table, False, False
        if self._path not in table.schema.names:
            reason = f"The frame has no column `{self._path}`; the `cursor_path` of frames is the name of a column."
            raise IncrementalCursorPathMissing(self._resource_name, self._path, table, reason)
        is_valid = pc.is_valid(table[self._path])
        missing = self._pass_missing(table.filter(pc.invert(is_valid)))
        passed, before, behind = self._pass_valid(table.filter(is_valid))
        if len(missing):
            passed = pa.concat_tables(map(_as_table, (passed, missing)))
        return (passed if len(passed) else None), before, behind

    def _pass_missing(self, table: Any) -> Any:
        position = self._position
        if not len(table) or position.on_missing == "exclude":
            return table[:0]
        if position.on_missing == "raise":
            raise IncrementalCursorPathHasValueNone(self._resource_name, self._path)
        return table.filter(pa.array([not position.take_missing(row) for row in table.to_pylist()], pa.bool_()))

    def _pass_valid(self, table: Any) -> Filtered:
        before = behind = False
        position = self._position
        if len(table) and position.end is not None:
            keys = find_keys(table[self._path], position.order)
            is_behind = keys.later(position.end)
            if not position.bounds.includes_end:
                is_behind = pc.or_(is_behind, keys.equal(position.end))
            table, behind = _without(table, is_behind)
        if len(table) and position.start is not None:
            keys = find_keys(table[self._path], position.order)
            passes = keys.later(position.start)
            at_start = keys.equal(position.start)
            earlier = len(table) - pc.sum(pc.or_(passes, at_start)).as_py()
            position.dropped += earlier
            passes = pc.or_(passes, at_start) if position.bounds.includes_start else passes
            table, before = _without(table, pc.invert(passes))
        if len(table) and position.stored is not None:
            is_stored = find_keys(table[self._path], position.order).equal(position.stored)
            known = iter([position.take_known(row) for row in table.filter(is_stored).to_pylist()])
            is_known = pa.array([bool(stored and next(known)) for stored in is_stored.to_pylist()], pa.bool_())
            table = table.filter(pc.invert(is_known))
        if len(table):
            self._advance(table, find_keys(table[self._path], position.order))
        return table, before, behind

    def _advance(self, table: Any, keys: FrameKeys) -> None:
        for index in (keys.first(), keys.last()):
            key, value = keys[index], keys.value(index)
            self._position.advance(key, value)
        for row in table.filter(keys.equal(key)).to_pylist():
            self._position.advance(key, value, row)


def _without(table: Any, mask: Any) -> tuple[Any, bool]:
    """Returns a table without the rows of a mask, and whether there are any."""
    has_any = bool(pc.any(mask).as_py())
    return (table.filter(pc.invert(mask)) if has_any else table), has_any


def _as_table(frame: Any) -> Any:
    return frame if isinstance(frame, pa.Table) else pa.Table.from_batches([frame])
