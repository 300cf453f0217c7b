"""Where every job stands: what its last run did, and the watermark that the next one begins from."""

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
class Job:
    """One resource.

    Attributes:
        job_id: Its tag `job_id`, which every row of a workbook has, else source.table.
        asset: dataset.table.
        status: How its last run ended, "" where it has never run.
        started: When that began, None where it has never run.
        rows: Sent to the table by that run.
        seconds: How long that run took.
        watermark: The cursor as of now, None where there is none yet.
    """

    job_id: str
    asset: str
    status: str = ""
    started: datetime | None = None
    rows: int | None = None
    seconds: float | None = None
    watermark: str | None = None

    def to_json(self) -> str:
        """Returns it as one line of JSON; times are ISO 8601."""
        return json.dumps(asdict(self), default=datetime.isoformat)


def find_jobs(tasks: Sequence[Task], attempts: Sequence[Attempt]) -> list[Job]:
    """Returns a job for each task, in their order.

    Args:
        tasks: What could be loaded.
        attempts: Of `audit_trail.read_newest`, the newest last.
    """
    last = {attempt.asset: attempt for attempt in attempts}
    loaded = {attempt.asset: attempt for attempt in attempts if attempt.status == "loaded"}
    jobs = []
    for task in tasks:
        asset = str(table_name_of(task.resource))
        job = Job(task.job_id, asset)
        if found := last.get(asset):
            watermark = loaded[asset].cursor if asset in loaded else None
            job = Job(task.job_id, asset, found.status, found.started, found.rows, found.seconds, watermark)
        jobs.append(job)
    return jobs
