"""The sensor that sends one message about each run that has ended, and one about tables that have become overdue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from data_foundation.alerts.deliver import deliver
from data_foundation.alerts.events import Event
from data_foundation.alerts.history import find_deadlines, find_empty, read_attempts
from data_foundation.alerts.message import Message
from data_foundation.alerts.routing import Receiver, Routing
from data_foundation.alerts.run_report import build_messages, find_link
from data_foundation.orchestration.alerts.memory import LONGEST_WAIT, MOST_WAITING, Memory, Waiting
from data_foundation.orchestration.alerts.run_events import RunEvents, Tables, read_run
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from data_foundation.project.source import SourceConfig
    from data_foundation.warehouses.base import Warehouse

SENSOR_NAME = "alerts_sensor"
SECONDS = 30
"""Interval of the evaluations."""

EVALUATION_SECONDS = 20.0
"""After that no further message is begun: Dagster ends an evaluation after 60 seconds, and forgets what it sent."""

SEND_SECONDS = 10.0
"""How long the receivers of one message have."""

ENDS = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
"""Ends of runs that are reported: all but those that a person has canceled."""

PAUSE, HOUR, DAY = 300.0, 3600.0, 86400.0


@dataclass(frozen=True)
class Reported:
    """What the sensor reports, and to whom.

    Attributes:
        routing: Who receives what.
        sources: The sources of the code location.
        tables: Their tables.
        warehouse: The warehouse of the audit trail.
    """

    routing: Routing
    sources: Sequence[SourceConfig]
    tables: Tables
    warehouse: Warehouse


def build_alert_sensor(reported: Reported, prefix: str = "") -> dg.SensorDefinition:
    """Returns the sensor; it is running by default."""

    @dg.sensor(
        name=f"{prefix}{SENSOR_NAME}",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends alerts about runs and overdue tables to the targets of dlthub/alerts.yaml and of sources.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return _Evaluation(context, reported).evaluate()

    return alerts


@dataclass
class _Evaluation:
    """One evaluation of the sensor. Its cursor is written at the end, whatever a receiver does."""

    context: dg.SensorEvaluationContext
    reported: Reported
    started: float = field(default_factory=time.monotonic)
    now: float = field(default_factory=time.time)
    sent: int = 0

    def __post_init__(self) -> None:
        self.memory = Memory.read(self.context.cursor)

    def evaluate(self) -> dg.SkipReason:
        """Sends what is due, and returns a summary."""
        try:
            self._send_all()
        except Exception:
            # If nothing was sent, the evaluation fails and the next one begins where it did. Else Dagster would forget
            # what was sent.
            if not self.sent:
                raise
            self.context.log.exception("ended early; the next evaluation continues")
        self.context.update_cursor(self.memory.to_cursor())
        waiting = f", not sent yet: {len(self.memory.waiting)}" if self.memory.waiting else ""
        return dg.SkipReason(f"messages sent: {self.sent}{waiting}")

    def _send_all(self) -> None:
        self._send_again()
        for run in self._ended_runs():
            self._send(build_messages(self.reported.routing, self._events(run), *self._marks(run)))
            self.memory.next_look = self.now
        if self.now >= self.memory.next_look and self._has_time:
            self._report_overdue()

    @property
    def _has_time(self) -> bool:
        return time.monotonic() - self.started < EVALUATION_SECONDS

    def _ended_runs(self) -> Iterator[dg.DagsterRun]:
        """Yields the runs of this code location that have ended since the last evaluation; at the first one, none."""
        instance, cursors = self.context.instance, self.memory.runs
        for kind in ENDS:
            if kind.value not in cursors:
                cursors[kind.value] = instance.fetch_run_status_changes(kind, limit=1).cursor
            while self._has_time:
                found = instance.fetch_run_status_changes(kind, 1, cursors[kind.value], ascending=True)
                for record in found.records:
                    run = instance.get_run_by_id(record.run_id)
                    if run and self._is_own(run):
                        yield run
                cursors[kind.value] = found.cursor
                if not found.records:
                    break

    def _is_own(self, run: dg.DagsterRun) -> bool:
        """Returns True unless the run is known to be of another code location."""
        own, origin = self.context.code_location_origin, run.remote_job_origin
        # Its name alone: the webserver and the daemon may address the same code server differently.
        return not (own and origin) or origin.repository_origin.code_location_origin.location_name == own.location_name

    def _events(self, run: dg.DagsterRun) -> list[Event]:
        """Returns what happened in a run; if that cannot be read, an event with the reason, so that it is not lost."""
        try:
            found = read_run(self.context.instance, run, self.reported.tables)
            return [*found.events, *self._empty(run, found)]
        except Exception as error:  # noqa: BLE001 - an error here would stop the messages of all later runs
            cause = f"the run ended as {run.status.value}; its events cannot be read: {type(error).__name__}: {error}"
            return [Event("failure", run.job_name, redact(cause))]

    def _empty(self, run: dg.DagsterRun, found: RunEvents) -> Iterator[Event]:
        """Yields the tables of which this run is the last of too many without rows."""
        limits = {
            table.name: (table.source, limit)
            for table in found.empty
            if (limit := self.reported.routing.empty_runs(table.source))
        }
        record = self.context.instance.get_run_record_by_id(run.run_id) if limits else None
        end = record.end_time if record else None
        until = datetime.fromtimestamp(end, UTC) if end else None
        yield from find_empty(limits, self.reported.warehouse, run.run_id, until)

    def _marks(self, run: dg.DagsterRun) -> tuple[str, str]:
        """Returns the link to a run, and what names it."""
        link = find_link(self.reported.routing, f"runs/{run.run_id}")
        return link, f"run {run.run_id[:8]} on {self.reported.warehouse.deployment}"

    def _report_overdue(self) -> None:
        """Sends one message about the tables that have become overdue since the last look."""
        aged = [table for table in self.reported.tables.aged if self.reported.routing.wants("freshness")]
        if not aged:
            self.memory.next_look = self.now + DAY
            return
        trail = read_attempts(self.reported.warehouse, [table.name for table in aged])
        if trail.unreachable:
            self.memory.next_look = self.now + PAUSE
            return
        now = datetime.fromtimestamp(self.now, UTC)
        deadlines = find_deadlines(self.reported.sources, trail.attempts)
        overdue = [deadline for deadline in deadlines if deadline.at <= now]
        new = [deadline.event(now) for deadline in overdue if deadline.table not in self.memory.overdue]
        origin = f"freshness on {self.reported.warehouse.deployment}"
        self._send(build_messages(self.reported.routing, new, find_link(self.reported.routing), origin))
        self.memory.overdue = [deadline.table for deadline in overdue]
        coming = [deadline.at.timestamp() for deadline in deadlines if deadline.at > now]
        # A load outside Dagster is not seen: whether overdue tables were loaded is looked at each hour.
        self.memory.next_look = min([*coming, self.now + (HOUR if overdue else DAY)])

    def _send(self, messages: Mapping[Receiver, Message]) -> None:
        """Sends messages, and keeps those that a receiver did not take."""
        undelivered = deliver(messages, pauses=(), seconds=SEND_SECONDS)
        self.sent += len(messages) - len(undelivered)
        for one in undelivered:
            self.context.log.error("%s; it is sent again", one)
            self.memory.waiting.append(Waiting(one.receiver.name, one.message, self.now))
        while len(self.memory.waiting) > MOST_WAITING:
            self._give_up(self.memory.waiting.pop(0), f"more than {MOST_WAITING} messages wait")

    def _send_again(self) -> None:
        """Sends the messages that are due again; of a receiver that fails the others wait."""
        receivers = {receiver.name: receiver for receiver in self.reported.routing.receivers}
        waiting, self.memory.waiting, failing = self.memory.waiting, [], set[str]()
        for one in waiting:
            if one.receiver not in receivers:
                self._give_up(one, "is no target any more")
            elif one.receiver in failing or one.due > self.now or not self._has_time:
                self.memory.waiting.append(one)
            elif undelivered := deliver({receivers[one.receiver]: one.message}, (), SEND_SECONDS):
                failing.add(one.receiver)
                self._keep(one, undelivered[0].reason)
            else:
                self.sent += 1

    def _keep(self, one: Waiting, reason: str) -> None:
        if self.now - one.since > LONGEST_WAIT:
            self._give_up(one, reason)
        else:
            self.context.log.error("no alert was sent to %s: %s; it is sent again", one.receiver, reason)
            self.memory.waiting.append(Waiting(one.receiver, one.message, one.since, one.tries + 1))

    def _give_up(self, one: Waiting, reason: str) -> None:
        self.context.log.error("an alert to %s is given up: %s. It was: %s", one.receiver, reason, one.message.title)
