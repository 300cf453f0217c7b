"""The range of rows that a run loads: a partition, `start` and `end` of the run, or from the cursor to now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dlt.extract.incremental.lag import apply_lag

from data_foundation.errors import EntryError, LoadError
from data_foundation.loading.ranges.cursor_format import CursorFormat
from data_foundation.loading.task import LoadOptions, empty_range, is_empty
from data_foundation.naming import column_of_path, normalize
from data_foundation.project.code_hints import CodeCursor, find_parent_cursors

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from data_foundation.config.grammar import ResourceConfig


@dataclass(frozen=True)
class LoadRange:
    """The range that a load covers; its values have the type and format of the resource's cursor or partitions.

    Attributes:
        start: First value; None if the resource has no range or no value is known yet.
        end: First value after the range, None if it is unknown.
        partition_key: The partition's key, "" if the range is not one partition.
        is_closed: True for a range or a sample set by the run's options: the stored cursor is neither read nor updated.
        has_end: True if the run's options set the end. Otherwise `end` only fills templates, and later rows load too.
        initial_value: The configured `initial_value`, converted to the cursor's type.
        has_start: True if the run's options set the start, whose rows are then loaded.
        includes_end: True if rows at the end are loaded; only the code of a cursor with a fixed end declares it.
        parts: The first value of each partition, if the range is several and the resource has a cursor.
    """

    start: Any = None
    end: Any = None
    partition_key: str = ""
    is_closed: bool = False
    has_end: bool = False
    initial_value: Any = None
    has_start: bool = False
    includes_end: bool = False
    parts: tuple[Any, ...] = ()

    def template_values(self) -> dict[str, str]:
        """Returns the values of the templates `partition.*`, "" for a value that is unknown."""
        start, end = _as_text(self.start), _as_text(self.end)
        return {"partition.start": start, "partition.end": end, "partition.key": self.partition_key or start}


def find_range(resource: ResourceConfig, cursor: Any, options: LoadOptions) -> LoadRange:
    """Returns the range that a run covers.

    Without `start`, `end` and `limit` the range begins at the stored cursor, or else at the first possible value, and
    ends now. With one of them it is closed.

    Args:
        resource: The resource to load.
        cursor: The cursor's stored value, None if there is none yet.
        options: The run's options.

    Raises:
        LoadError: `start` or `end` is not of the cursor's type, `start` is not before `end`, or `end` is set and no
            start is known.
    """
    if not (resource.incremental or resource.partitions):
        return LoadRange()
    values = CursorFormat(_example(resource, cursor), _zone(resource), _untyped_cursor(resource))
    fixed = _fixed_end(resource)
    is_closed = bool(options.is_partial and (options.start or options.end or resource.incremental)) or fixed is not None
    initial = _initial_value(resource, values)
    start = (
        values.read(options.start)
        if options.start
        else _default_start(resource, None if is_closed else cursor, initial, values)
    )
    end = values.read(options.end) if options.end else values.now() if fixed is None else fixed.end_value
    if options.end and start is None:
        message = f"end: got '{options.end}' without a start; set a start too, or `initial_value` of `incremental`"
        raise LoadError(message)
    if options.start and options.end and values.example is not None and is_empty(start, end):
        raise LoadError(empty_range(start, end))
    return LoadRange(
        start,
        end,
        options.partition_key or "",
        is_closed,
        has_end=bool(options.end or fixed),
        initial_value=initial,
        has_start=bool(options.start),
        includes_end=bool(fixed and not options.end and fixed.range_end == "closed"),
        parts=tuple(map(values.read, options.partition_starts)) if resource.incremental else (),
    )


def _fixed_end(resource: ResourceConfig) -> CodeCursor | None:
    """Returns the cursor of the code if it has a fixed end: dlt then stores no value and reads the range each time."""
    cursor = resource.incremental
    return cursor if isinstance(cursor, CodeCursor) and cursor.end_value is not None else None


def _initial_value(resource: ResourceConfig, values: CursorFormat) -> Any:
    """Returns the configured initial value, converted if it is a text and the cursor has another type."""
    initial = resource.incremental.initial_value if resource.incremental else None
    return values.read(initial) if isinstance(initial, str) and not isinstance(values.example, str) else initial


def _default_start(resource: ResourceConfig, cursor: Any, initial: Any, values: CursorFormat) -> Any:
    """Returns the start if the run's options set none: cursor minus lag, initial value, or first partition."""
    settings = resource.incremental
    if settings and cursor is not None:
        return apply_lag(settings.lag, initial, cursor, max) if settings.lag else cursor
    if initial is None and resource.partitions:
        return values.spell(resource.partitions.start)
    return initial


def _example(resource: ResourceConfig, cursor: Any) -> Any:
    """Returns a value with the type and format of the range's values, None if none is known."""
    initial = resource.incremental.initial_value if resource.incremental else None
    if initial is not None or cursor is not None:
        # YAML may hold a time as text; the stored cursor then has the type of the rows.
        cursor_is_typed = isinstance(initial, str) and cursor is not None and not isinstance(cursor, str)
        return cursor if initial is None or cursor_is_typed else initial
    if resource.partitions is None:
        return None
    return "2024-01-01T00:00:00Z" if resource.partitions.by == "hourly" else "2024-01-01"


def _untyped_cursor(resource: ResourceConfig) -> str:
    """Returns the column of the cursor, "" if there is none or it is declared as text."""
    column = column_of_path(resource.incremental.cursor_path) if resource.incremental else ""
    texts = {normalize(name) for name, hints in resource.columns.items() if hints.data_type == "text"}
    return "" if column in texts else column


def _zone(resource: ResourceConfig) -> tzinfo:
    return ZoneInfo(resource.partitions.timezone) if resource.partitions else UTC


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def refuse_part_of_scd2(resource: ResourceConfig, options: LoadOptions, *, exists: bool) -> None:
    """Refuses a run that would retire the rows which it leaves out.

    Args:
        resource: The resource to load.
        options: The run's options.
        exists: Whether the table has rows that could be retired.

    Raises:
        LoadError: scd2 with a sample, or with a range and without a merge key.
    """
    if resource.meeting != "merge scd2" or not exists or options.refresh == "drop":
        return
    if options.limit is not None or (options.is_partial and not resource.merge_columns):
        option = "limit" if options.limit is not None else "a range"
        message = (
            f"scd2 retires every row that a run does not bring, so {option} would retire those that it leaves out; "
            "load all rows, or look at a sample with `foundation preview`"
        )
        raise LoadError(message)


def refuse_range_of_parent(resource: ResourceConfig, built: DltResource, options: LoadOptions) -> None:
    """Refuses a range of a transformer whose parent, piped in code, has a cursor of its own.

    The parent passes only new items, whatever the range, and stores them as read although the range leaves some out.

    Raises:
        EntryError: A range is requested, and code has piped such a parent.
    """
    if resource.data_from or not (options.start or options.end):
        return
    for name, path in sorted(find_parent_cursors(built)):
        message = (
            f"entry '{resource.entry}' takes its items from {name}, whose cursor '{path}' passes only new ones, so a "
            f"range cannot be loaded again; make {name} a resource of its own and name it in `data_from`, or load all "
            "with `--refresh state`"
        )
        raise EntryError(message)


def find_range_warnings(
    resource: ResourceConfig, cursor: Any, options: LoadOptions, load_range: LoadRange
) -> Iterator[str]:
    """Yields warnings about the effect of a range on the table's rows.

    Args:
        resource: The resource to load.
        cursor: The cursor's stored value before the load, None if there is none.
        options: The run's options.
        load_range: The range that `find_range` returned for them.

    Raises:
        LoadError: An append has no cursor, so it would add all rows again, whatever the range.
    """
    if (options.start or options.end) and not (resource.incremental or resource.partitions):
        if resource.write_disposition.disposition == "append" and options.refresh != "drop":
            message = (
                "start and end need `incremental` or `partitions`, and this append has neither: it would add all rows "
                "again; set one of them, or run it without a range"
            )
            raise LoadError(message)
        yield "start and end are ignored: the resource has neither `incremental` nor `partitions`"
    if (
        resource.write_disposition.disposition == "append"
        and load_range.is_closed
        and options.is_partial
        and not options.is_sample
        and not options.partition_key
        and not _ends_before(load_range, cursor)
    ):
        yield (
            "append: the stored cursor was not updated; rows of this range after the cursor will be added again by the "
            "next run"
        )


def _ends_before(load_range: LoadRange, cursor: Any) -> bool:
    """Returns True if the range ends at or before the stored cursor."""
    return load_range.has_end and cursor is not None and bool(load_range.end <= cursor)
