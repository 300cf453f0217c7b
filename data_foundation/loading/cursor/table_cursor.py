"""dlt's incremental with the rules of this project: what is new, and which rows of the table a load replaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import dlt
from dlt.common.configuration.container import Container
from dlt.common.data_writers.writers import count_rows_in_items
from dlt.common.exceptions import PipelineStateNotAvailable, SourceSectionNotAvailable
from dlt.extract import DltResource
from dlt.extract.incremental import IncrementalResourceWrapper
from dlt.extract.items import SupportsPipe
from dlt.extract.source import SourceSchemaInjectableContext
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.loading.cursor.known_rows import KnownRows, KnownVersions
from data_foundation.loading.cursor.landed_order import LandedOrder
from data_foundation.loading.cursor.position import Bounds, Position
from data_foundation.loading.cursor.recorded_rows import RecordedRows
from data_foundation.loading.cursor.row_filters import DictFilter, Filtered, FrameFilter, find_value_reader
from data_foundation.rows.exact.value_rules import is_frame


@dataclass(frozen=True)
class CursorRules:
    """What a run does with the rows that a cursor passes.

    Attributes:
        column: The cursor's column in the table.
        data_type: dlt's type of the column by the configuration, None if it sets none.
        key: Columns that identify a row.
        is_append: True if a row that is loaded again would be in the table twice.
        skips_unchanged: True if a row is merged by `key` alone, so that one which has not changed need not be.
        is_stateless: True for a range or a sample: the stored value is neither read nor updated.
        value_type: Type in which the code of the entry expects the stored value; None if it does not say.
    """

    column: str = ""
    data_type: str | None = None
    key: tuple[str, ...] = ()
    is_append: bool = False
    skips_unchanged: bool = False
    is_stateless: bool = False
    value_type: Any = None


class Replaced(NamedTuple):
    """Rows of the table that a load deletes before it adds its own.

    Attributes:
        sign: How their cursor compares with `value`: `=`, `>=` or `<=`; "" for rows without a value.
        value: A value of the cursor.
    """

    sign: str
    value: Any = None


class TableCursor(dlt.sources.incremental[Any]):
    """An incremental cursor that compares values as they land, and reads the rows at its stored value again.

    A merge takes those that have changed, and all if it replaces the rows of a `merge_key`. An append takes those that
    it has not loaded; with `lag` it replaces the rows of the window.

    Attributes:
        rules: What this run does with the rows.
    """

    rules: CursorRules = CursorRules()
    _position: Position | None = None
    _is_first: bool = False
    _replaced: tuple[Replaced, ...] = ()

    @classmethod
    def of(cls, rules: CursorRules, **settings: Any) -> Self:
        """Returns a cursor with rules; `settings` are the arguments of dlt's incremental."""
        if not rules.is_append and settings.get("primary_key") is None:
            settings["primary_key"] = ()  # dlt's own filter, of other orders than max and min, keeps them as well
        cursor = cls(**settings)
        cursor.rules = rules
        return cursor

    @override
    def merge(self, other: Any) -> Any:
        """Returns both merged, with the rules of this project."""
        merged = super().merge(other)
        if isinstance(merged, TableCursor):
            merged.rules = other.rules if isinstance(other, TableCursor) else self.rules
        return merged

    @override
    def get_state(self) -> Any:
        """Returns the stored state; for a range or a sample one of this run, which is not stored."""
        if not self.rules.is_stateless:
            return super().get_state()
        start = self.initial_value
        return {"initial_value": start, "last_value": start, "start_value": start, "unique_hashes": []}

    @override
    def get_incremental_value_type(self) -> Any:
        """Returns the type of the values: dlt finds that of an annotation only in the code's own cursor."""
        return self.rules.value_type or super().get_incremental_value_type()

    @override
    def bind(self, pipe: SupportsPipe) -> Any:
        """Begins a run."""
        self._position = None
        return super().bind(pipe)

    @property
    def dropped(self) -> int:
        """Number of rows that this run dropped because they lay before its start."""
        return self._position.dropped if self._position else 0

    @property
    def replaced(self) -> tuple[Replaced, ...]:
        """Rows of the table that this run's rows take the place of; known after `finish`."""
        return self._replaced

    @property
    def is_unchanged(self) -> bool:
        """True if all rows that passed were loaded before."""
        return self._position is not None and self._position.is_unchanged

    @property
    def is_first(self) -> bool:
        """True if this run is the first that has rows of this cursor."""
        return self._is_first

    @override
    def __call__(self, rows: Any, meta: Any = None) -> Any:
        """Returns the rows that pass, None for none.

        Raises:
            ValueRefused: A value has no order.
        """
        if rows is None or (isinstance(rows, list) and not rows) or self._advanced:
            return rows
        if self.last_value_func not in {max, min} or _is_relation(rows):
            return super().__call__(rows, meta)
        self._incremental_metrics["unfiltered_items_count"] += count_rows_in_items(rows)
        self._incremental_metrics["unfiltered_batches_count"] += 1
        position = self._position or self._begin()
        if isinstance(rows, list):
            passed = [row for row in map(self._filter, rows) if row is not None] or None
        else:
            passed = self._filter(rows)
        position.flush()
        self._store(position, is_new=passed is not None)
        return passed

    def _begin(self) -> Position:
        state, rules = self._cached_state, self.rules
        by_version = rules.skips_unchanged and not rules.is_stateless
        drops = not rules.is_stateless and rules.is_append and self._primary_key != ()
        self._is_first = (
            not rules.is_stateless
            and "boundary" not in state
            and not state.get("unique_hashes")
            and state["last_value"] == state["initial_value"]
        )
        key = _names(self._primary_key) or rules.key
        known = KnownVersions if by_version else KnownRows
        stored: Any = {} if rules.is_stateless else state
        self._position = Position(
            LandedOrder(rules.column or self.cursor_path, self._data_type(), is_descending=self.last_value_func is min),
            Bounds(self._start_value, self.end_value, self.range_start == "closed", self.range_end == "closed"),
            stored.get("last_value"),
            (self._find_stored() if rules.is_stateless else state).get("last_value"),
            "exclude" if rules.is_stateless and rules.is_append else self.on_cursor_value_missing,
            known(stored.get("boundary"), key),
            known(None, key),
            KnownRows(stored.get("missing"), key),
            drops_known=(drops or by_version) and not self.lag,
            drops_missing=drops,
            finds_lowest=self._is_first,
            was_loaded=RecordedRows(state.get("unique_hashes", ()) if drops else (), self._primary_key or None),
        )
        name = str(self.resource_name)
        find_value = find_value_reader(name, self.cursor_path, self.on_cursor_value_missing)
        self._dicts = DictFilter(self._position, find_value)
        self._frames = FrameFilter(self._position, name, self.cursor_path)
        return self._position

    def _find_stored(self) -> Any:
        """Returns the stored state during a range, whose rows may take the place of those at the stored value."""
        if not self.rules.is_append:
            return {}
        try:
            return self._get_state(str(self.resource_name), self.cursor_path)
        except (PipelineStateNotAvailable, SourceSectionNotAvailable):
            return {}  # a preview

    def _data_type(self) -> str | None:
        if self.rules.data_type or SourceSchemaInjectableContext not in Container():
            return self.rules.data_type
        table = Container()[SourceSchemaInjectableContext].schema.tables.get(str(self.resource_name))
        column: Any = table["columns"].get(self.rules.column, {}) if table else {}
        return str(column["data_type"]) if "data_type" in column else None

    def _filter(self, item: Any) -> Any:
        filtered: Filtered = (self._dicts if type(item) is dict or not is_frame(item) else self._frames)(item)
        passed, self.start_out_of_range, self.end_out_of_range = filtered
        if self.row_order and self.can_close() and not self._bound_pipe.has_parent:
            self._bound_pipe.close()
        return passed

    def _store(self, position: Position, *, is_new: bool) -> None:
        state = self._cached_state
        self._current_last_value = state["last_value"] = position.last_value
        if is_new:
            state["start_value"] = self._cached_state_start_value
        if position.is_advanced:
            state["unique_hashes"] = []

    def finish(self) -> None:
        """Stores which rows were loaded, and decides which rows of the table are replaced, after the last item.

        Raises:
            ValueRefused: Rows cannot be distinguished from those that were loaded.
        """
        position = self._position
        if position is None:
            return
        if self.rules.is_stateless:
            if position.covers_stored:
                self._find_stored().update(boundary=position.stored_rows.state(replaced=True), unique_hashes=[])
            return
        self._replaced = tuple(self._find_replaced(position)) if self.rules.is_append else ()
        is_replaced = not position.is_advanced and any(replaced.sign for replaced in self._replaced)
        state: Any = self._cached_state
        rows = position.newest_rows if position.is_advanced else position.stored_rows
        state["boundary"] = rows.state(replaced=is_replaced)
        if (missing := position.missing.state(replaced=Replaced("") in self._replaced)).get("by"):
            state["missing"] = missing

    def _find_replaced(self, position: Position) -> Iterator[Replaced]:
        has_window = self.lag and not self._is_first and self._start_value is not None
        if position.lowest is not None and (self._is_first or has_window):
            sign = "<=" if self.last_value_func is min else ">="
            yield Replaced(sign, position.lowest if self._is_first else self._start_value)
        elif position.drops_known and self._was_read_again(position.stored_rows):
            yield Replaced("=", position.stored_value)
        if (self._is_first and position.missing.is_touched) or self._was_read_again(position.missing):
            yield Replaced("")

    def _was_read_again(self, rows: KnownRows) -> bool:
        """Returns True if this run has read too many rows to recognise each, and all of them.

        Raises:
            ValueRefused: It has read a part of them.
        """
        if not rows.is_sample:
            return False
        if (again := rows.were_read_again()) is None:
            message = (
                f"cursor {self.rules.column}: earlier loads have loaded too many rows of the value "
                f"{self._position and self._position.stored_value!r} to recognise each, and the entry has yielded only "
                "a part of them again; nothing was written. Accepted is all or none of them: set `primary_key` and "
                "`write_disposition: merge`, or a cursor with more values, or load all again with `--refresh state`"
            )
            raise ValueRefused(message)
        return again


def _names(key: Any) -> tuple[str, ...]:
    """Returns a key of dlt's as names of columns; () if it is a function of the row, or none."""
    if not key or callable(key):
        return ()
    return (key,) if isinstance(key, str) else tuple(key)


def _is_relation(rows: Any) -> bool:
    from dlt.dataset.relation import Relation  # noqa: PLC0415 - as dlt, whose start does not allow it earlier

    return isinstance(rows, Relation) or (isinstance(rows, list) and isinstance(rows[0], Relation))


def find_cursor(resource: DltResource) -> TableCursor | None:
    """Returns the cursor of a resource, None if it has none."""
    return next(_cursors_of(resource._pipe), None)  # noqa: SLF001 - its own step


def find_cursors(resource: DltResource) -> Iterator[TableCursor]:
    """Yields the cursors of a resource and of those whose rows it transforms."""
    pipe = resource._pipe  # noqa: SLF001 - its own step
    while pipe:
        yield from _cursors_of(pipe)
        pipe = pipe.parent


def _cursors_of(pipe: Any) -> Iterator[TableCursor]:
    for step in pipe.steps:
        cursor = step.incremental if isinstance(step, IncrementalResourceWrapper) else step
        if isinstance(cursor, TableCursor):
            yield cursor
