"""One message: what is sent to a target about all events of a run, whatever the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data_foundation.alerts.events import Event
from data_foundation.alerts.routing import ALL
from data_foundation.config.alerts.targets import EventKind
from data_foundation.process_wide.redaction import redact

WORDS: Mapping[EventKind, str] = {
    "failure": "failed",
    "blocking_check": "failed a check",
    "schema_drift": "changed its columns",
    "freshness": "is overdue",
    "nothing_loaded": "loaded nothing",
}

MOST_NAMES = 3
"""Sources that a title names; of more it names the number."""


@dataclass(frozen=True)
class Message:
    """What is sent to one target; its texts contain no secrets.

    Attributes:
        title: One line.
        events: What happened, the worst first.
        text: Sentences before the events, one on a line.
        link: Address of the run in Dagster, "" if there is none.
        origin: The run and the warehouse.
    """

    title: str
    events: tuple[Event, ...] = ()
    text: str = ""
    link: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "link", redact(self.link))
        worst_first = sorted(self.events, key=lambda event: (ALL.index(event.kind), event.source, event.table))
        object.__setattr__(self, "events", tuple(worst_first))

    @classmethod
    def of_events(cls, events: Sequence[Event], link: str = "", origin: str = "") -> Message:
        """Returns the message about the events of one run."""
        counts = {kind: sum(event.kind == kind for event in events) for kind in ALL}
        listed = ", ".join(f"{count} {WORDS[kind]}" for kind, count in counts.items() if count)
        return cls(f"{_names(events)}: {listed}", tuple(events), "", link, origin)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Message:
        """Returns the message that `to_json` wrote."""
        return cls(**{**value, "events": tuple(Event(**event) for event in value["events"])})

    def to_json(self) -> dict[str, Any]:
        """Returns the message as plain data."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yields the message as lines of plain text, without its title."""
        if self.text:
            yield from (*self.text.splitlines(), "")
        for event in self.events:
            yield f"{headline(event)}: {event.cause}"
            yield from (f"  Hint: {event.hint}", "")
        yield from filter(None, (self.link, self.origin))


def headline(event: Event) -> str:
    """Returns the table and what happened to it."""
    return f"{event.table} {WORDS[event.kind]}"


def _names(events: Sequence[Event]) -> str:
    # In one order, whichever load ended first.
    names = sorted({event.source or event.table for event in events})
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} sources"
