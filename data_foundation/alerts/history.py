"""Finds the events that only earlier runs show, in the audit trail: overdue tables, and runs without rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from data_foundation.alerts.events import Event
from data_foundation.audit.read import read_newest
from data_foundation.config.table_names import table_name_of

if TYPE_CHECKING:
    from data_foundation.audit.read import Trail
    from data_foundation.audit.write import Attempt
    from data_foundation.project.source import SourceConfig
    from data_foundation.warehouses.base import Warehouse

MARGIN = 20
"""Attempts of a table that are read beyond those that are counted: of runs that ended after the one at hand."""


SECONDS = 8.0
"""How long to wait for the warehouse, which another run may hold; then the attempts of this machine count."""


def read_attempts(warehouse: Warehouse, tables: Sequence[str], each: int = 1) -> Trail:
    """Returns the newest attempts of tables, the newest last; soon, even if the warehouse is in use.

    Args:
        warehouse: The warehouse of the audit trail.
        tables: The tables, each dataset.table.
        each: Maximum number of successful, and of failed attempts of a table.
    """
    return read_newest(warehouse, each=each, assets=tables, seconds=SECONDS)


@dataclass(frozen=True)
class Deadline:
    """When a table is overdue, as its `freshness` configures it.

    Attributes:
        table: dataset.table.
        source: The source of the table.
        landed: When it was loaded last.
        at: When it is overdue.
    """

    table: str
    source: str
    landed: datetime
    at: datetime

    def event(self, now: datetime) -> Event:
        """Returns the event of the overdue table."""
        hours, age = (self.at - self.landed) / timedelta(hours=1), (now - self.landed) / timedelta(hours=1)
        cause = (
            f"overdue since {self.at:%Y-%m-%d %H:%M} UTC: loaded last {self.landed:%Y-%m-%d %H:%M} UTC, "
            f"{age:,.1f} hours ago; freshness allows {hours:g}"
        )
        return Event("freshness", self.table, cause, self.source)


def find_deadlines(sources: Sequence[SourceConfig], attempts: Sequence[Attempt]) -> list[Deadline]:
    """Returns the deadline of each table with `freshness`; a table that was never loaded has none.

    Args:
        sources: The sources.
        attempts: At least the newest successful attempt of each table.
    """
    landed = {attempt.asset: attempt.ended or attempt.started for attempt in attempts if attempt.status == "loaded"}
    found = []
    for source in sources:
        for resource in source.resources:
            table, age = str(table_name_of(resource)), resource.maximum_age
            if age and (last := landed.get(table)):
                at = last + timedelta(hours=age.fail_after_hours)
                found.append(Deadline(table, source.name, last.astimezone(UTC), at.astimezone(UTC)))
    return found


def find_newly_overdue(sources: Sequence[SourceConfig], warehouse: Warehouse, run_id: str) -> Iterator[Event]:
    """Yields each table of the sources that has become overdue since the run of its source before this one.

    That run has reported what was overdue then, so that no run repeats it and no file has to remember it.

    Args:
        sources: The sources of the run.
        warehouse: The warehouse of the audit trail.
        run_id: The id of the run.
    """
    tables = [str(table_name_of(resource)) for source in sources for resource in source.resources]
    if not any(resource.maximum_age for source in sources for resource in source.resources):
        return
    attempts, now = read_attempts(warehouse, tables, MARGIN).attempts, datetime.now(UTC)
    ended: dict[str, datetime] = {}
    for attempt in attempts:
        if attempt.run_id != run_id:
            ended[attempt.source] = max(attempt.ended or attempt.started, ended.get(attempt.source, attempt.started))
    for deadline in find_deadlines(sources, attempts):
        before = ended.get(deadline.source)
        if deadline.at <= now and (before is None or before < deadline.at):
            yield deadline.event(now)


def find_empty(
    tables: Mapping[str, tuple[str, int]], warehouse: Warehouse, run_id: str, until: datetime | None = None
) -> Iterator[Event]:
    """Yields each table of which this run is exactly the last of its limit of successful runs without a row.

    So each row of such runs is reported once, whoever evaluates it and however often.

    Args:
        tables: By dataset.table, its source and the limit; only tables that loaded no row in this run.
        warehouse: The warehouse of the audit trail.
        run_id: The id of the run.
        until: Ignore attempts that began later; default: none.
    """
    if not tables:
        return
    most = max(limit for _, limit in tables.values())
    attempts = read_attempts(warehouse, list(tables), most + MARGIN).attempts
    for table, (source, limit) in tables.items():
        loaded = [a for a in attempts if (a.asset, a.status) == (table, "loaded") and (not until or a.started <= until)]
        if _empty_at_end(loaded, run_id) == limit:
            runs = f"the last {limit} successful runs" if limit > 1 else "the run"
            yield Event("nothing_loaded", table, f"{runs} loaded no row", source)


def _empty_at_end(loaded: Sequence[Attempt], run_id: str) -> int:
    """Returns the number of attempts without rows up to and with the run; 0 if the run is not the last of them."""
    if not loaded or loaded[-1].run_id != run_id:
        return 0
    return next((count for count, attempt in enumerate(reversed(loaded)) if attempt.rows != 0), len(loaded))
