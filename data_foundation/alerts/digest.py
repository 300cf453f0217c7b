"""The digest: one message that summarises all runs of some hours, from the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from data_foundation.alerts.events import Event
from data_foundation.alerts.history import find_deadlines
from data_foundation.alerts.message import Message
from data_foundation.audit.read import read_newest, read_since

if TYPE_CHECKING:
    from data_foundation.audit.write import Attempt
    from data_foundation.project.source import SourceConfig
    from data_foundation.warehouses.base import Warehouse

MOST_LISTED = 20


@dataclass(frozen=True)
class _TableRuns:
    """The runs of one table, each as its last attempt, the newest last; and the rows of all attempts."""

    ends: Sequence[Attempt]
    rows: int

    @property
    def has_failed(self) -> bool:
        return self.ends[-1].status != "loaded"

    @property
    def has_recovered(self) -> bool:
        return not self.has_failed and any(end.status != "loaded" for end in self.ends)


def build_digest(sources: Sequence[SourceConfig], warehouse: Warehouse, hours: float, link: str = "") -> Message:
    """Returns the digest: what was loaded, what fails still, what has recovered, and which tables are overdue.

    Args:
        sources: The sources, for the tables that are overdue.
        warehouse: The warehouse of the audit trail.
        hours: How far it goes back.
        link: Address of Dagster's UI.
    """
    now = datetime.now(UTC)
    trail = read_since(warehouse, now - timedelta(hours=hours))
    tables = _group(trail.attempts)
    newest = read_newest(warehouse, each=1)
    overdue = [deadline.event(now) for deadline in find_deadlines(sources, newest.attempts) if deadline.at <= now]
    failed = [_failure(table, runs) for table, runs in tables.items() if runs.has_failed]
    lines = list(_summary(tables))
    if unreachable := trail.unreachable or newest.unreachable:
        lines.append(f"The warehouse is unreachable; these are the runs of one machine only: {unreachable}")
    counted = [f"{len(failed)} failed" * bool(failed), f"{len(overdue)} overdue" * bool(overdue)]
    result = ", ".join(filter(None, counted)) or ("all tables are in order" if tables else "no table was loaded")
    origin = f"foundation on {warehouse.deployment}, {now:%Y-%m-%d %H:%M} UTC"
    return Message(f"Digest of {hours:g} hours: {result}", (*failed, *overdue), "\n".join(lines), link, origin)


def _group(attempts: Sequence[Attempt]) -> Mapping[str, _TableRuns]:
    """Returns the runs of each table; of a run that was tried several times the last attempt counts."""
    ends: dict[str, dict[str, Attempt]] = {}
    rows: dict[str, int] = {}
    for attempt in attempts:
        ends.setdefault(attempt.asset, {})[attempt.run_id] = attempt
        landed = attempt.rows if attempt.status == "loaded" else 0
        rows[attempt.asset] = rows.get(attempt.asset, 0) + (landed or 0)
    return {table: _TableRuns(list(runs.values()), rows[table]) for table, runs in sorted(ends.items())}


def _failure(table: str, runs: _TableRuns) -> Event:
    last = runs.ends[-1]
    count = sum(end.status != "loaded" for end in runs.ends)
    often = f" ({count} of {len(runs.ends)} runs)" if len(runs.ends) > 1 else ""
    cause = ": ".join(filter(None, (last.error_class, last.error))) or "its process was killed"
    return Event("failure", table, f"its last run failed{often}: {cause}", last.source)


def _summary(tables: Mapping[str, _TableRuns]) -> Iterator[str]:
    loaded = {name: runs for name, runs in tables.items() if any(end.status == "loaded" for end in runs.ends)}
    count, rows = sum(len(runs.ends) for runs in tables.values()), sum(runs.rows for runs in tables.values())
    yield f"Tables loaded: {len(loaded)}, rows: {rows:,}, loads: {count}"
    recovered = [name for name, runs in tables.items() if runs.has_recovered]
    empty = [name for name, runs in loaded.items() if not runs.rows]
    for words, names in (("Failed, and loaded later", recovered), ("Loaded without a row", empty)):
        if names:
            more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
            yield f"{words}: {', '.join(names[:MOST_LISTED])}{more}"
