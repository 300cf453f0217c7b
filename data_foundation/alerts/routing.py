"""Decides who receives which events: the targets of the tree and those of each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from data_foundation.alerts.events import Event
from data_foundation.config.alerts.file import load_alerts
from data_foundation.config.alerts.keys import SourceAlerts, TreeAlerts
from data_foundation.config.alerts.targets import EventKind, Target

if TYPE_CHECKING:
    from data_foundation.project.source import SourceConfig

ALL: tuple[EventKind, ...] = get_args(EventKind)


@dataclass(frozen=True)
class Receiver:
    """A target with its name, which of a source's own target begins with the source."""

    name: str
    target: Target = field(hash=False)


@dataclass(frozen=True)
class Routing:
    """The `alerts:` blocks of a project.

    Attributes:
        tree: That of `alerts.yaml`.
        sources: Those of sources, by name.
    """

    tree: TreeAlerts = field(default_factory=TreeAlerts)
    sources: Mapping[str, SourceAlerts] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path, sources: Iterable[SourceConfig]) -> Routing:
        """Returns the routing of a repository with these sources.

        Raises:
            ConfigError: `alerts.yaml` has problems.
        """
        return cls(load_alerts(root), {source.name: source.alerts for source in sources})

    @property
    def receivers(self) -> list[Receiver]:
        """All targets of the tree and of the sources."""
        own = (self._own(source) for source in self.sources)
        return [*self._of_tree(), *(receiver for receivers in own for receiver in receivers)]

    @property
    def digest_receivers(self) -> list[Receiver]:
        """The targets of the tree that receive the digest."""
        chosen = self.tree.digest.targets if self.tree.digest else ()
        return [receiver for receiver in self._of_tree() if not chosen or receiver.name in chosen]

    def wants(self, kind: EventKind) -> bool:
        """Returns True if events of a kind are reported to anyone."""
        return any(kind in self._events(source) for source in (*self.sources, "") if self._receivers(source))

    def empty_runs(self, source: str) -> int | None:
        """Returns the number of runs without rows after which a table of a source is reported, None for never."""
        own = self.sources.get(source, SourceAlerts())
        limit = own.empty_runs or self.tree.empty_runs
        return limit if "nothing_loaded" in self._events(source) and self._receivers(source) else None

    def route(self, events: Iterable[Event]) -> dict[Receiver, list[Event]]:
        """Returns the events by the receiver that they are sent to; one who receives nothing is left out."""
        routed: dict[str, tuple[Receiver, list[Event]]] = {}
        for event in events:
            for receiver in self._receivers(event.source):
                accepted = receiver.target.events
                if event.kind in self._events(event.source) and (accepted is None or event.kind in accepted):
                    routed.setdefault(receiver.name, (receiver, []))[1].append(event)
        return {receiver: _without_repeats(found) for receiver, found in routed.values()}

    def _events(self, source: str) -> Sequence[EventKind]:
        own = self.sources.get(source, SourceAlerts()).events
        chosen = self.tree.events if own is None else own
        return ALL if chosen is None else chosen

    def _receivers(self, source: str) -> list[Receiver]:
        own = self.sources.get(source, SourceAlerts())
        # A source's target takes the place of the tree's of that name.
        inherited = [one for one in self._of_tree() if own.inherit and one.name not in own.targets]
        return [*inherited, *self._own(source)]

    def _of_tree(self) -> list[Receiver]:
        return [Receiver(name, target) for name, target in self.tree.targets.items()]

    def _own(self, source: str) -> list[Receiver]:
        targets = self.sources.get(source, SourceAlerts()).targets
        return [Receiver(f"{source}/{name}", target) for name, target in targets.items()]


def _without_repeats(events: Sequence[Event]) -> list[Event]:
    """Returns the events without failed checks whose message is the cause of the same table's failure."""
    causes = [(event.table, event.cause) for event in events if event.kind == "failure"]
    return [
        event
        for event in events
        if event.kind != "blocking_check"
        or not any(
            table == event.table and event.cause.partition(": ")[2] and event.cause.partition(": ")[2] in cause
            for table, cause in causes
        )
    ]
