"""What a load is doing at the moment, told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dlt.common.runtime.collector_base import Collector
from typing_extensions import override

from data_foundation.process_wide.source_log import LogLevel

Phase = Literal["waiting", "extract", "normalize", "load", "retrying", "done", "failed"]


@dataclass(frozen=True)
class Progress:
    """One moment of a load.

    Attributes:
        destination: dataset.table.
        phase: What it is doing.
        rows: Rows seen so far in this phase; in `load` and after, rows sent to the warehouse.
        note: What a person should know of this moment.
        level: How urgent the note is.
    """

    destination: str
    phase: Phase
    rows: int = 0
    note: str = ""
    level: LogLevel = "WARNING"


Report = Callable[[Progress], None]


class ProgressCollector(Collector):
    """Turns dlt's counters into `Progress`; dlt counts tables by name and everything else in capitals."""

    def __init__(self, destination: str, report: Report) -> None:
        self._destination = destination
        self._report = report
        self._phase: Phase = "extract"
        self._rows = 0
        self.step = ""
        # What is done when the rows of a resource have been extracted, before dlt completes the package; and when
        # extracting them failed.
        self.extracted: Callable[[], None] | None = None
        self.not_extracted: Callable[[], None] | None = None

    @override
    def update(self, name: str, inc: int = 1, *_counter: object, **_labels: object) -> None:
        """Adds `inc` rows of table `name`; dlt's own counters and tables do not count."""
        if inc and not name.startswith("_dlt") and name == name.lower():
            self._rows += inc
            self._report(Progress(self._destination, self._phase, self._rows))

    @override
    def _start(self, step: str) -> None:
        phase = step.split(maxsplit=1)[0].lower()
        if phase in ("extract", "normalize", "load"):
            # dlt extracts its own state after the rows, as an extract of its own.
            self._rows = self._rows if phase in (self._phase, "load") else 0
            self._phase = phase  # type: ignore[assignment]
            self._report(Progress(self._destination, self._phase, self._rows))

    @override
    def __exit__(self, exc_type: type[BaseException] | None, *_exc: object) -> None:
        """Ends a step; the first extraction is that of the rows."""
        end = self.not_extracted if exc_type else self.extracted
        self.extracted = self.not_extracted = None
        if end:
            end()

    @override
    def _stop(self) -> None:
        pass
