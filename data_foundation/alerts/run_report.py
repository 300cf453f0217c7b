"""The messages about one run, for the command line and for Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from data_foundation.alerts.deliver import Undelivered, deliver
from data_foundation.alerts.events import Event
from data_foundation.alerts.history import find_empty, find_newly_overdue
from data_foundation.alerts.message import Message
from data_foundation.alerts.outcomes import find_events
from data_foundation.alerts.routing import Receiver, Routing
from data_foundation.alerts.services.settings import fill
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import SettingMissing

if TYPE_CHECKING:
    from data_foundation.loading.parallel import Outcome
    from data_foundation.warehouses.base import Warehouse


def report_run(
    routing: Routing, outcomes: Sequence[Outcome], warehouse: Warehouse, others: Iterable[Event] = ()
) -> list[Undelivered]:
    """Sends one message about a run without Dagster to each receiver of its events; returns those that failed.

    Args:
        routing: Who receives what.
        outcomes: The outcomes of the loads.
        warehouse: The warehouse of the audit trail.
        others: Further events of the run.
    """
    if not routing.receivers:
        return []
    events = [*others, *find_events(outcomes), *_history(routing, outcomes, warehouse)]
    run = f" {outcomes[0].task.options.run_id}" if outcomes else ""
    return deliver(build_messages(routing, events, origin=f"foundation run{run} on {warehouse.deployment}"))


def build_messages(
    routing: Routing, events: Iterable[Event], link: str = "", origin: str = ""
) -> Mapping[Receiver, Message]:
    """Returns the message of each receiver of the events."""
    return {receiver: Message.of_events(found, link, origin) for receiver, found in routing.route(events).items()}


def find_link(routing: Routing, path: str = "") -> str:
    """Returns the address of a page of Dagster's UI, "" if its address is not configured or not set."""
    try:
        base = fill(routing.tree.dagster_url or "", secret=False)
    except SettingMissing:
        return ""
    return f"{base.rstrip('/')}/{path}" if base else ""


def _history(routing: Routing, outcomes: Sequence[Outcome], warehouse: Warehouse) -> Iterator[Event]:
    """Yields the events that only the audit trail shows."""
    if not outcomes:
        return
    run_id = outcomes[0].task.options.run_id
    empty = {}
    for outcome in outcomes:
        limit = routing.empty_runs(outcome.task.source.name)
        if limit and outcome.result and not outcome.result.all_rows:
            empty[str(table_name_of(outcome.task.resource))] = (outcome.task.source.name, limit)
    yield from find_empty(empty, warehouse, run_id)
    if routing.wants("freshness"):
        sources = {outcome.task.source.name: outcome.task.source for outcome in outcomes}
        yield from find_newly_overdue(list(sources.values()), warehouse, run_id)
