"""One resource to load, and the options of one run."""

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
    """

    start: str | None = None
    end: str | None = None
    partition_key: str | None = None
    limit: int | None = None
    refresh: Refresh = "none"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @property
    def is_partial(self) -> bool:
        """True if a range or limit is set; the stored cursor is then not updated."""
        return self.limit is not None or self.start is not None or self.end is not None


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
