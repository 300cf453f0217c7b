"""Loads without Dagster, for a command or a script: resources side by side, each told in the log of the day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from data_foundation.checks.failed_parts import list_parts
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.progress import Progress
from data_foundation.loading.task import LoadOptions, Refresh, Task, new_run_id
from data_foundation.local.daily_log import IngestionLog
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import BrokenSource, find_sources
from data_foundation.project.root import find_root
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.settings import build_warehouse


class JobStatus(StrEnum):
    """How a job ended."""

    LOADED = "loaded"
    FAILED = "failed"


@dataclass(frozen=True)
class JobResult:
    """What one resource came to.

    Attributes:
        job_id: Its tag `job_id`, which every row of a workbook has, else source.table; of a broken folder its name.
        destination: dataset.table, "" of a broken folder.
        status: loaded or failed.
        rows: Sent to the table.
        seconds: From the moment a thread took it.
        error: Why it failed, or which parts of it did and the others landed, without secrets; "" where nothing failed.
    """

    job_id: str
    destination: str
    status: JobStatus
    rows: int
    seconds: float
    error: str = ""


def run_sources(  # noqa: PLR0913 - the options of `foundation run`
    targets: Sequence[str] | str = (),
    *,
    root: Path | None = None,
    start: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    refresh: Refresh = "none",
) -> list[JobResult]:
    """Loads resources into the warehouse that the settings name, and returns what each of them came to.

    One that fails stops no other. A folder that is broken is a result that failed, unless targets leave it out.

    Args:
        targets: Each a source, source.table, dataset.table or job id; all where there are none.
        root: The repository; default: the one that the working directory is in.
        start: Load from this date, time or value on; the cursor stays.
        end: Load up to, not including, this one.
        limit: At most this many rows of each, for a sample.
        refresh: `state` forgets the cursor and loads all again, `drop` drops the table first.

    Raises:
        FoundationError: A target names nothing, or the warehouse cannot be used.
    """
    root = root or find_root()
    warehouse = build_warehouse(root)
    warehouse.destination()  # names a missing setting before anything runs
    found, broken = find_sources(root)
    targets = [targets] if isinstance(targets, str) else list(targets)
    options = LoadOptions(start, end, None, limit, refresh, run_id=new_run_id())
    tasks = select_tasks(targets, found, broken, options)
    results = [_broken(source) for source in broken if not targets]
    return results + [_result(event) for event in load_and_log(root, tasks, warehouse) if isinstance(event, Outcome)]


def load_and_log(root: Path, tasks: Sequence[Task], warehouse: Warehouse) -> Iterator[Progress | Outcome]:
    """Loads every task, yields what happens as it happens, and writes it into the log of the day.

    Raises:
        Exception: What is no FoundationError is a fault of ours and ends everything.
    """
    with IngestionLog(root) as log:
        for event in load_side_by_side(tasks, warehouse):
            log.tell(event)
            yield event


def _result(outcome: Outcome) -> JobResult:
    task, result, seconds = outcome.task, outcome.result, round(outcome.seconds, 3)
    if result is None:
        return JobResult(task.job_id, task.resource.destination, JobStatus.FAILED, 0, seconds, str(outcome.error))
    return JobResult(
        task.job_id, result.destination, JobStatus.LOADED, result.rows, seconds, list_parts(result.failed_parts)
    )


def _broken(source: BrokenSource) -> JobResult:
    return JobResult(source.name, "", JobStatus.FAILED, 0, 0.0, "\n".join(map(str, source.problems)))
