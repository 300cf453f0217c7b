"""Records the numbers of finished loads: rows, bytes, seconds, lag and failures by table."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data_foundation.errors import LoadStopped
from data_foundation.loading.telemetry.exporters import meter

if TYPE_CHECKING:
    from data_foundation.loading.task import Task
    from data_foundation.loading.telemetry.observers import LoadEnd


class Metrics:
    """The instruments of this process."""

    @cached_property
    def _instruments(self) -> dict[str, Any]:
        made, prefix = meter(), "data_foundation.load"
        return {
            "rows": made.create_counter(f"{prefix}.rows", "{row}", "Rows sent to the warehouse."),
            "bytes": made.create_counter(f"{prefix}.bytes", "By", "Size of the loaded files."),
            "seconds": made.create_histogram(f"{prefix}.duration", "s", "Duration of a load."),
            "lag": made.create_gauge(
                f"{prefix}.lag", "s", "Time from the newest loaded cursor value to the load's end."
            ),
            "failures": made.create_counter(f"{prefix}.failures", "{load}", "Loads that failed."),
        }

    def record(self, task: Task, end: LoadEnd) -> None:
        """Records a load that has ended; a load that was stopped is no failure."""
        labels = {"source.name": task.source.name, "table.name": task.resource.destination}
        status = "loaded" if end.result else "stopped" if isinstance(end.error, LoadStopped) else "failed"
        self._instruments["seconds"].record(end.seconds, {**labels, "status": status})
        if status == "failed":
            self._instruments["failures"].add(1, {**labels, "error.type": type(end.error).__name__})
        if end.result:
            self._instruments["rows"].add(end.result.all_rows, labels)
            self._instruments["bytes"].add(end.result.bytes or 0, labels)
            if (lag := find_lag(end.result.cursor[1])) is not None and not task.options.is_partial:
                self._instruments["lag"].set(lag, labels)


def find_lag(cursor: Any) -> float | None:
    """Returns the seconds from a cursor's value until now, None if the value is not a moment.

    A day, which has no time, is as old as its beginning in UTC; so is a moment without a zone.
    """
    try:
        moment = cursor if isinstance(cursor, datetime) else datetime.fromisoformat(str(cursor))
    except ValueError:
        return None
    if isinstance(cursor, int | float) or str(cursor).isdigit():
        return None  # a number of eight digits reads as a day too
    return (datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()
