"""Which range a run covers: the partition, the launchpad's dates, or from the cursor to now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dlt.common.time import datetime_obj_to_str, detect_datetime_format
from dlt.extract.incremental.lag import apply_lag

from data_foundation.errors import LoadError
from data_foundation.loading.task import LoadOptions

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig

DAILY = ("%Y-%m-%d", "%Y%m%d")


@dataclass(frozen=True)
class Bounds:
    """The range that a load covers, in the shape of the resource's cursor or partitions.

    Attributes:
        start: First value, None where the resource has no notion of a range or no value yet.
        end: First value after the range, None where there is no telling.
        key: Partition key, the range's start where a run covers several.
        closed: The range was asked for: the cursor is neither used nor moved.
        ends: The end was asked for; otherwise it is only what templates say, and later rows are welcome.
        first: `initial_value`, of the type that the cursor has by now.
    """

    start: Any = None
    end: Any = None
    key: str = ""
    closed: bool = False
    ends: bool = False
    first: Any = None

    def values(self) -> dict[str, str]:
        """Returns what the templates `partition.*` stand for, "" where there is no value."""
        start, end = _as_text(self.start), _as_text(self.end)
        return {"partition.start": start, "partition.end": end, "partition.key": self.key or start}


def find_bounds(resource: ResourceConfig, cursor: Any, asked: LoadOptions) -> tuple[Bounds, str]:
    """Returns the range that a run covers, and a warning ("" where there is none).

    A range that was asked for, and a sample, are closed: the cursor neither narrows them nor moves. Otherwise the
    range goes from the cursor (or the first value there can be) to now.

    Args:
        resource: Whose range.
        cursor: The cursor's value as stored, None where there is none yet.
        asked: The run's options.

    Raises:
        LoadError: `start` or `end` is not of the cursor's type, or there is an end and nothing to start from.
    """
    if not (resource.incremental or resource.partitions):
        warning = "start and end mean nothing here: the resource has neither incremental nor partitions"
        return Bounds(), warning if asked.start or asked.end else ""
    shape = _Shape(_example(resource, cursor), _zone(resource))
    closed = bool(asked.start or asked.end or (asked.limit is not None and resource.incremental))
    first = _initial(resource, shape)
    start = shape.read(asked.start) if asked.start else _first(resource, None if closed else cursor, first, shape)
    end = shape.read(asked.end) if asked.end else shape.now()
    if asked.end and start is None:
        message = f"end: got '{asked.end}' and no start; give a start too, or incremental an initial_value"
        raise LoadError(message)
    return Bounds(start, end, asked.partition_key or "", closed=closed, ends=bool(asked.end), first=first), ""


def _initial(resource: ResourceConfig, shape: _Shape) -> Any:
    """Returns the first value there can be; a person may have written as text what is a time."""
    initial = resource.incremental.initial_value if resource.incremental else None
    return shape.read(initial) if isinstance(initial, str) and not isinstance(shape.example, str) else initial


def _first(resource: ResourceConfig, cursor: Any, initial: Any, shape: _Shape) -> Any:
    """Returns where reading starts when nobody asked: the cursor, the first value or the first partition."""
    settings = resource.incremental
    if settings and cursor is not None:
        return apply_lag(settings.lag, initial, cursor, max) if settings.lag else cursor
    if initial is None and resource.partitions:
        return shape.spell(resource.partitions.start)
    return initial


def _example(resource: ResourceConfig, cursor: Any) -> Any:
    """Returns a value of the shape that bounds are to have, None where there is no telling."""
    initial = resource.incremental.initial_value if resource.incremental else None
    if initial is not None or cursor is not None:
        is_told_better = isinstance(initial, str) and cursor is not None and not isinstance(cursor, str)
        return cursor if initial is None or is_told_better else initial
    if resource.partitions is None:
        return None
    return "2024-01-01T00:00:00Z" if resource.partitions.by == "hourly" else "2024-01-01"


def _zone(resource: ResourceConfig) -> tzinfo:
    return ZoneInfo(resource.partitions.timezone) if resource.partitions else UTC


@dataclass(frozen=True)
class _Shape:
    """Reads and spells values as the cursor has them.

    Attributes:
        example: A value as rows have it, None where it is not known.
        zone: Where days begin, and what a time without a zone is in.
    """

    example: Any
    zone: tzinfo

    @property
    def format(self) -> str | None:
        """How a text is spelt that is a date or a time; None for any other value."""
        return _find_format(self.example) if isinstance(self.example, str) else None

    @property
    def _is_moment(self) -> bool:
        return isinstance(self.example, date) or self.format is not None

    def read(self, asked: str) -> Any:
        """Returns what a person or a partition asked for in the type and spelling of the example."""
        if isinstance(self.example, int | float):
            try:
                return type(self.example)(asked)
            except ValueError:
                message = f"start/end: got '{asked}'; accepted is a number like the cursor's {self.example}"
                raise LoadError(message) from None
        if not self._is_moment or (self.format and "z" not in self.format and _find_format(asked) == self.format):
            return asked
        try:
            return self.spell(datetime.fromisoformat(asked))
        except ValueError:
            message = f"start/end: got '{asked}'; accepted is a date or a time in ISO 8601, like {self.example}"
            raise LoadError(message) from None

    def spell(self, moment: date) -> Any:
        """Returns a date or a time as the example has it; a date as it is where it stands."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time.min)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        if isinstance(self.example, datetime):
            return moment if self.example.tzinfo else moment.astimezone(UTC).replace(tzinfo=None)
        if isinstance(self.example, date):
            return moment.date()
        text_format = self.format or DAILY[0]
        if "%H" not in text_format:
            return datetime_obj_to_str(moment, text_format)
        example = datetime.fromisoformat(self.example)
        text = datetime_obj_to_str(moment.astimezone(example.tzinfo or UTC), text_format)
        # Vendors that write milliseconds seldom read microseconds.
        digits = re.search(r"\.(\d+)", self.example)
        return re.sub(r"(\.\d{6})", lambda found: found[1][: 1 + len(digits[1])], text) if digits else text

    def now(self) -> Any:
        """Returns the end of a range without one: now, or tomorrow where values are days, as the end is exclusive."""
        now = datetime.now(self.zone).replace(microsecond=0)
        if isinstance(self.example, datetime) or (self.format and "%H" in self.format):
            return self.spell(now)
        is_daily = isinstance(self.example, date) or self.format in DAILY
        return self.spell(now + timedelta(days=1)) if is_daily else None


def _find_format(text: str) -> str | None:
    """Returns how a date or a time is spelt, with a T or a space between the two; None where `text` is neither."""
    found = detect_datetime_format(text.replace(" ", "T", 1))
    return found.replace("T", " ", 1) if found and " " in text else found


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def find_side_effects(resource: ResourceConfig, cursor: Any, options: LoadOptions, bounds: Bounds) -> Iterator[str]:
    """Yields what a sample or a range that was asked for means for the table.

    Args:
        resource: What is loaded.
        cursor: As it stands before, None where there is none.
        options: What was asked for.
        bounds: The range that it comes to.
    """
    is_sample, is_append = options.limit is not None, resource.write_disposition.disposition == "append"
    if is_sample and resource.write_disposition.disposition == "replace":
        yield "limit replaced the table by a sample; load it again without"
    if is_sample and resource.merge_key:
        keys = ", ".join(resource.merge_key)
        yield f"limit: where the sample has rows, all others of the same {keys} are gone; load it again without"
    if is_sample and is_append and options.refresh == "none":
        yield "append: the cursor was left alone, so a later run may add the rows of this sample once more"
    elif is_append and bounds.closed and not options.partition_key and not _ends_before(bounds, cursor):
        yield "append: the cursor was left alone; rows after it that this range brought will be added once more"


def _ends_before(bounds: Bounds, cursor: Any) -> bool:
    """Tells whether the range holds only what the cursor has passed."""
    return bounds.ends and cursor is not None and bool(bounds.end <= cursor)
