"""What is to be loaded, and what one run asks for beyond the configuration."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.source import SourceConfig

Refresh = Literal["none", "state", "drop"]


def new_run_id() -> str:
    """Returns an id for a run that Dagster knows nothing of."""
    return uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class LoadOptions:
    """What one run asks for beyond the configuration.

    Attributes:
        start: Load from here; with `end` a range that leaves the cursor alone.
        end: Load up to, not including, here.
        partition_key: The partition that the range is, where it is one.
        limit: At most this many rows, for a sample; the cursor is left alone.
        refresh: `state` forgets the cursor and loads all again, `drop` drops the table first.
        kwargs: Keyword arguments of the entry for this run.
        run_id: Of the run that asks.
    """

    start: str | None = None
    end: str | None = None
    partition_key: str | None = None
    limit: int | None = None
    refresh: Refresh = "none"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @property
    def asked(self) -> bool:
        """Whether a range or a sample was asked for, which leaves the cursor alone."""
        return self.limit is not None or self.start is not None or self.end is not None


@dataclass(frozen=True)
class Task:
    """One resource to load, and what is asked of it."""

    source: SourceConfig
    resource: ResourceConfig
    options: LoadOptions = field(default_factory=LoadOptions)

    @property
    def job_id(self) -> str:
        """What a person calls it: the tag `job_id`, or source.table where there is none."""
        return self.resource.job_id or f"{self.source.name}.{self.resource.table}"
