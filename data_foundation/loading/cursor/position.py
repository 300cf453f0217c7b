"""How far one run of a cursor has come: its bounds, its newest value, and what it has left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from data_foundation.loading.cursor.known_rows import KnownRows
from data_foundation.loading.cursor.landed_order import LandedOrder


@dataclass(frozen=True)
class Bounds:
    """The values between which rows pass.

    Attributes:
        start: First value, None if rows pass from the beginning.
        end: First value after the range, None if there is no end.
        includes_start: Whether rows at `start` pass.
        includes_end: Whether rows at `end` pass.
    """

    start: Any = None
    end: Any = None
    includes_start: bool = True
    includes_end: bool = False


@dataclass
class Position:
    """The state of one run that dicts and frames share.

    Attributes:
        order: Order of the cursor's values.
        bounds: The values between which rows pass.
        last_value: The newest value so far, as rows have it.
        stored_value: The value that the state had before the run, None if there was none.
        on_missing: What happens to rows without a value: raise, include or exclude.
        stored_rows: Rows at the value that the run began with, those of earlier loads included.
        newest_rows: Rows at `last_value`, once this run has moved the cursor.
        missing: Rows without a value.
        drops_known: Whether rows at the stored value that earlier loads have loaded are dropped.
        drops_missing: The same for rows without a value.
        was_loaded: Whether a row equals one that dlt itself recorded, before this project did.
        dropped: Rows before the start, which were dropped.
        finds_lowest: Whether `lowest` is the first of all values that passed, and not only one of them.
        lowest: A value that passed, as rows have it.
        is_advanced: True if this run has moved the cursor.
        passes_stored: True if rows at the stored value passed.
        passes_missing: True if rows without a value passed.
    """

    order: LandedOrder
    bounds: Bounds
    last_value: Any
    stored_value: Any
    on_missing: str
    stored_rows: KnownRows
    newest_rows: KnownRows
    missing: KnownRows
    drops_known: bool
    drops_missing: bool
    was_loaded: Callable[[Any], bool]
    finds_lowest: bool = True
    dropped: int = 0
    lowest: Any = None
    is_advanced: bool = False
    passes_stored: bool = False
    passes_missing: bool = False
    _lowest_key: Any = None
    _has_moved: bool = False
    _newest: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Finds what the values are compared by: `start`, `end` and `stored` are None if there is no such value."""
        self.start = self._key(self.bounds.start)
        self.end = self._key(self.bounds.end)
        self._last = self._key(self.last_value)
        self.stored = self._key(self.stored_value)

    def _key(self, value: Any) -> Any:
        return None if value is None else self.order.key(value)

    def is_after_end(self, key: Any) -> bool:
        """Returns True if a value lies behind the end of the range."""
        if self.end is None:
            return False
        return self.order.is_later(key, self.end) or (key == self.end and not self.bounds.includes_end)

    def is_before_start(self, key: Any) -> bool:
        """Returns True if a value lies before the start of the range."""
        if self.start is None or self.order.is_later(key, self.start):
            return False
        return bool(key != self.start) or not self.bounds.includes_start

    def take_known(self, row: Any) -> bool:
        """Adds a row at the stored value, and returns True if it is dropped because it was loaded before."""
        was_loaded = self.was_loaded(row)
        is_dropped = (self.stored_rows.take(row) or was_loaded) and self.drops_known
        self.passes_stored |= not is_dropped
        return is_dropped

    def take_missing(self, row: Any) -> bool:
        """Adds a row without a value, and returns True if it is dropped."""
        if self.on_missing == "exclude":
            return True
        is_dropped = self.missing.take(row) and self.drops_missing
        self.passes_missing |= not is_dropped
        return is_dropped

    @property
    def covers_stored(self) -> bool:
        """True if the range has the stored value in it."""
        key = self.stored
        return key is not None and not self.is_before_start(key) and not self.is_after_end(key)

    @property
    def is_unchanged(self) -> bool:
        """True if rows passed only because there are too many to recognise each, and earlier loads have loaded all."""
        if self.is_advanced or not (self.passes_stored or self.passes_missing):
            return False
        is_stored = not self.passes_stored or (self.drops_known and self.stored_rows.is_unchanged)
        return is_stored and (not self.passes_missing or (self.drops_missing and self.missing.is_unchanged))

    def advance(self, key: Any, value: Any, row: Any = None) -> None:
        """Moves to the value of a row that passed; rows at the stored value went through `take_known`."""
        is_later = self.order.is_later
        if self._lowest_key is None or (self.finds_lowest and is_later(self._lowest_key, key)):
            self._lowest_key, self.lowest = key, value
        if self._last is None or is_later(key, self._last):
            self._last, self.last_value = key, value
            self.is_advanced = self._has_moved = True
            self._newest = [] if row is None else [row]
        elif row is not None and key == self._last and key != self.stored:
            self._newest.append(row)

    def flush(self) -> None:
        """Adds the rows at the newest value, at the end of each page: the entry may change a row later."""
        if self._has_moved:
            self.newest_rows.restart()
            self._has_moved = False
        for row in self._newest:
            self.newest_rows.take(row)
        self._newest.clear()
