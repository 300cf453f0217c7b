"""One resource to load, and the options of one run."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from data_foundation.errors import FoundationError, LoadError

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.source import SourceConfig

Refresh = Literal["none", "state", "drop"]


def new_run_id() -> str:
    """Returns an id for a run without Dagster."""
    return uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class LoadOptions:
    """Options of one run, which override or narrow the configuration.

    Attributes:
        start: First value of the range to load.
        end: First value after the range to load.
        partition_key: Key of the partition to load, None if the range is not one partition.
        limit: Maximum number of rows, for a sample.
        refresh: `state` forgets the cursor and loads everything again, `drop` drops the table first.
        kwargs: Keyword arguments of the entry, which override the configured ones.
        run_id: Id of the run.
        partition_starts: Start of each partition, if the range is several partitions.
        traceparent: The span that has caused the run, as W3C's header; "" for none.
    """

    start: str | None = None
    end: str | None = None
    partition_key: str | None = None
    limit: int | None = None
    refresh: Refresh = "none"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    partition_starts: tuple[str, ...] = ()
    traceparent: str = ""

    def __post_init__(self) -> None:
        """Refuses options that match no row.

        Raises:
            FoundationError: `limit` is negative, or `start` is not before `end`.
        """
        if self.limit is not None and self.limit < 0:
            raise FoundationError(f"limit: got {self.limit}; accepted: 0 or more rows")
        if self.start is not None and self.end is not None and is_empty(_as_value(self.start), _as_value(self.end)):
            raise FoundationError(empty_range(self.start, self.end))

    @property
    def is_sample(self) -> bool:
        """True if a limit is set."""
        return self.limit is not None

    @property
    def is_partial(self) -> bool:
        """True if a range or limit is set; the stored cursor is then not updated."""
        return self.is_sample or self.start is not None or self.end is not None


@dataclass(frozen=True)
class Task:
    """One resource to load, and the run's options."""

    source: SourceConfig
    resource: ResourceConfig
    options: LoadOptions = field(default_factory=LoadOptions)

    @property
    def job_id(self) -> str:
        """The resource's tag `job_id`, or source.table if it has none."""
        return self.resource.job_id or f"{self.source.name}.{self.resource.table}"


def is_empty(start: Any, end: Any) -> bool:
    """Returns True if no value lies from `start` to before `end`; False if the two cannot be compared."""
    with suppress(TypeError):
        return bool(start >= end)
    return False


def empty_range(start: Any, end: Any) -> str:
    """Returns the message for a range without values."""
    return f"start {start} is not before end {end}, which is not included, so the range is empty; exchange or move them"


def refuse_misspelt(text: str, cursor: str) -> None:
    """Refuses a `start` or `end` of a cursor without known values that is none: as a text, it would select wrong rows.

    Args:
        text: The value.
        cursor: Column of the cursor; "" if it is declared as text, which has values of any form.

    Raises:
        LoadError: For instance for 2026-13-01, or yesterday.
    """
    if _as_value(text) is not None:
        return
    if re.match(r"\d{4}[-/.]\d", text):
        raise LoadError(f"start/end: got '{text}'; accepted is a date or a time in ISO 8601, like 2026-01-31")
    if cursor:
        message = (
            f"start/end: got '{text}', and no value of the cursor is known yet; accepted is a number, or a date or "
            "a time in ISO 8601, like 2026-01-31. If the cursor is a text, set "
            f"`columns: {{{cursor}: {{data_type: text}}}}`"
        )
        raise LoadError(message)


def _as_value(text: str) -> float | datetime | None:
    """Returns the number or the moment that a text stands for, None if it is neither."""
    with suppress(ValueError):
        return float(text)
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
