"""Progress of a load, reported to the caller that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dlt.common.runtime.collector_base import Collector
from typing_extensions import override

from data_foundation.process_wide.source_log import LogLevel

Phase = Literal["waiting", "extract", "normalize", "load", "retrying", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Progress:
    """The progress of a load at one moment.

    Attributes:
        destination: dataset.table.
        phase: The current phase.
        rows: Rows so far in this phase; in `load` and later, rows sent to the warehouse.
        note: A message to log, "" if there is none.
        level: Log level of the note.
    """

    destination: str
    phase: Phase
    rows: int = 0
    note: str = ""
    level: LogLevel = "WARNING"


Report = Callable[[Progress], None]


class ProgressCollector(Collector):
    """Turns dlt's counters into `Progress`; dlt names the counter of a table in lower case, and others in capitals."""

    def __init__(self, destination: str, report: Report) -> None:
        self._destination = destination
        self._report = report
        self._phase: Phase = "extract"
        self._rows = 0
        self.step = ""
        # Called after the rows of a resource were extracted and before dlt completes the package, and called if the
        # extraction failed.
        self.extracted: Callable[[], None] | None = None
        self.not_extracted: Callable[[], None] | None = None

    @override
    def update(self, name: str, inc: int = 1, *_counter: object, **_labels: object) -> None:
        """Adds `inc` rows of table `name`; ignores dlt's other counters and its own tables."""
        if inc and not name.startswith("_dlt") and name == name.lower():
            self._rows += inc
            self._report(Progress(self._destination, self._phase, self._rows))

    @override
    def _start(self, step: str) -> None:
        phase = step.split(maxsplit=1)[0].lower()
        if phase in ("extract", "normalize", "load"):
            # dlt extracts its state after the rows, in a second extract step.
            self._rows = self._rows if phase in (self._phase, "load") else 0
            self._phase = phase  # type: ignore[assignment]
            self._report(Progress(self._destination, self._phase, self._rows))

    @override
    def __exit__(self, exc_type: type[BaseException] | None, *_exc: object) -> None:
        """Ends a step; the first extract step is that of the rows."""
        end = self.not_extracted if exc_type else self.extracted
        self.extracted = self.not_extracted = None
        if end:
            end()

    @override
    def _stop(self) -> None:
        pass
