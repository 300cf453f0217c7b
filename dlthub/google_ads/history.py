"""Which days are read of an account: on from where it stands, and again as long as conversions still come in."""

import logging
import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from . import Row, Rows
from .accounts import Account
from .queries import Query
from .search import Search

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)

MOST_RELOAD_DAYS = 90
"""The longest conversion window that Google has."""

TELL_EVERY = 5.0
"""Seconds between two progress lines in the log."""

State = MutableMapping[str, Any]


@dataclass(frozen=True)
class Span:
    """The days of a run, for every account.

    Attributes:
        start: The first.
        end: The day after the last.
        request: "range" for days of a partition or of a person's choice, "sample" for a few rows, else "".
        today: The day that is today.
        reload_days: Days before that are read again by each run that reaches the present.
        window_days: Days of one request.
    """

    start: date
    end: date
    request: str
    today: date
    reload_days: int
    window_days: int

    def __post_init__(self) -> None:
        """Refuses numbers of days that make no sense.

        Raises:
            ValueError: Naming what is accepted.
        """
        if not 0 <= self.reload_days <= MOST_RELOAD_DAYS:
            message = f"reload_days: got {self.reload_days}; accepted: 0 to {MOST_RELOAD_DAYS}, as Google has it"
            raise ValueError(message)
        if self.window_days < 1:
            message = f"window_days: got {self.window_days}; accepted: 1 or more, the days of one request"
            raise ValueError(message)

    @property
    def reaches_the_present(self) -> bool:
        """Whether yesterday is among the days: numbers that may still change."""
        return self.end >= self.today

    @property
    def moves(self) -> bool:
        """Whether accounts stand somewhere else after the run: not after a sample, nor after days long ago."""
        return self.request != "sample" and (self.reaches_the_present or not self.request)

    def begin(self, stands: date | None) -> date:
        """Returns the first day to read of an account.

        Args:
            stands: The first day that it has not been read for, None where it is new.
        """
        again = timedelta(days=self.reload_days)
        if not self.request:
            return max(self.start, stands - again) if stands else self.start
        first = self.start - again if self.reaches_the_present and self.request == "range" else self.start
        # What failed before, however long ago, is read before what follows.
        return min(first, stands) if stands and self.moves else first

    def windows(self, begin: date) -> Iterator[tuple[date, date]]:
        """Yields days from one to before another, window by window."""
        end = min(self.end, self.today + DAY)
        while begin < end:
            stop = min(begin + timedelta(days=self.window_days), end)
            yield begin, stop
            begin = stop


class History:
    """Where each account stands, as dlt's state of the resource keeps it.

    `read_to` has by account the first day that was not read, or not whole; `days` the younger days that had rows, so
    that one of which all rows have vanished differs from one that never had any.
    """

    def __init__(self, state: State, span: Span) -> None:
        """Takes dlt's state, which is changed as accounts are read."""
        self._span, self._told = span, time.monotonic()
        self._read_to: dict[str, str] = state.setdefault("read_to", {})
        self._days: dict[str, list[str]] = state.setdefault("days", {})

    def read(self, search: Search, account: Account, query: Query) -> Iterator[Rows]:
        """Yields an account's rows, and for each day of which all rows have vanished one that takes it away."""
        span, name = self._span, account.customer_id
        stands = self._read_to.get(name)
        begin = span.begin(date.fromisoformat(stands) if stands else None)
        if span.moves:
            self._read_to.setdefault(name, begin.isoformat())
        windows = list(span.windows(begin))
        for number, (first, stop) in enumerate(windows, 1):
            self._tell(f"account {name}, window {number} of {len(windows)}: {first} to {stop - DAY}")
            seen: set[str] = set()
            condition = f"segments.date BETWEEN '{first}' AND '{stop - DAY}'"
            for rows in search.stream(name, query.text(condition), account.root):
                flat = [query.flatten(row) for row in rows]
                seen.update(str(row["date"]) for row in flat)
                yield flat
            if gone := list(self._gone(account, first, stop, seen)):
                yield gone
            self._note(name, first, stop, seen)

    def _tell(self, where: str) -> None:
        if (now := time.monotonic()) - self._told >= TELL_EVERY:
            logger.info(where)
            self._told = now

    def _gone(self, account: Account, first: date, stop: date, seen: set[str]) -> Iterator[Row]:
        for day in self._days.get(account.customer_id, ()):
            if first <= date.fromisoformat(day) < stop and day not in seen:
                yield {"customer_id": account.customer_id, "date": day, "is_gone": True}

    def _note(self, name: str, first: date, stop: date, seen: set[str]) -> None:
        if not self._span.moves:
            return
        # Yesterday is not over everywhere on earth.
        stands, whole = date.fromisoformat(self._read_to[name]), min(stop, self._span.today - DAY)
        if first <= stands < whole:
            self._read_to[name] = whole.isoformat()
        young = self._span.today - timedelta(days=self._span.reload_days + 7)
        others = {day for day in self._days.get(name, ()) if not first <= date.fromisoformat(day) < stop}
        self._days[name] = sorted(day for day in others | seen if date.fromisoformat(day) >= young)


def read_days(settings: Mapping[str, Any]) -> tuple[date, date]:
    """Returns first day and end of a range, as dates or timestamps in ISO 8601.

    Raises:
        ValueError: One of them is missing.
    """
    if not (settings.get("start") and settings.get("end")):
        message = "daily numbers need `start` and `end`: {start: '{{ partition.start }}', end: '{{ partition.end }}'}"
        raise ValueError(message)
    return date.fromisoformat(settings["start"][:10]), date.fromisoformat(settings["end"][:10])
