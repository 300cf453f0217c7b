"""The state of each resource for `foundation audit --jobs`: its last run, and the cursor where the next run begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from data_foundation.audit.write import Attempt
from data_foundation.config.table_names import table_name_of

if TYPE_CHECKING:
    from data_foundation.loading.task import Task


@dataclass(frozen=True)
class ResourceStatus:
    """The last run of a resource, and its stored cursor.

    Attributes:
        job_id: The resource's tag `job_id`, which every row of a workbook has, otherwise source.table.
        asset: dataset.table.
        status: Status of the last run, "" if the resource has never run.
        started: Start of the last run, None if the resource has never run.
        rows: Number of rows that the last run sent to the table.
        seconds: Duration of the last run.
        watermark: Current value of the stored cursor, None if there is none.
    """

    job_id: str
    asset: str
    status: str = ""
    started: datetime | None = None
    rows: int | None = None
    seconds: float | None = None
    watermark: str | None = None

    def to_json(self) -> str:
        """Returns the status as one line of JSON; times are in ISO 8601."""
        return json.dumps(asdict(self), default=datetime.isoformat)


def find_statuses(tasks: Sequence[Task], attempts: Sequence[Attempt]) -> list[ResourceStatus]:
    """Returns a status for each task, in the order of the tasks.

    Args:
        tasks: Tasks of the resources to report.
        attempts: The result of `audit.read.read_newest`, the newest attempt last.
    """
    last = {attempt.asset: attempt for attempt in attempts}
    loaded = {attempt.asset: attempt for attempt in attempts if attempt.status == "loaded"}
    statuses = []
    for task in tasks:
        asset = str(table_name_of(task.resource))
        status = ResourceStatus(task.job_id, asset)
        if run := last.get(asset):
            watermark = loaded[asset].cursor if asset in loaded else None
            status = ResourceStatus(task.job_id, asset, run.status, run.started, run.rows, run.seconds, watermark)
        statuses.append(status)
    return statuses
