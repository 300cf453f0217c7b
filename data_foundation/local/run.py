"""Loads resources in parallel without Dagster, for a command or a script, and writes the daily log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from data_foundation.checks.failed_parts import list_parts
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.progress import Progress
from data_foundation.loading.ranges.sample import beside_table
from data_foundation.loading.stop import RunStop
from data_foundation.loading.task import LoadOptions, Refresh, Task, new_run_id
from data_foundation.loading.telemetry.observers import observing_run
from data_foundation.local.daily_log import IngestionLog
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import BrokenSource, find_sources
from data_foundation.project.root import find_root
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.settings import build_warehouse, traceparent


class JobStatus(StrEnum):
    """The final status of a job."""

    LOADED = "loaded"
    FAILED = "failed"


@dataclass(frozen=True)
class JobResult:
    """The result of loading one resource.

    Attributes:
        job_id: The resource's tag `job_id`, which every row of a workbook has, otherwise source.table. For a broken
            source folder, the name of the folder.
        destination: dataset.table, "" for a broken source folder.
        status: Final status: loaded or failed.
        rows: Number of rows sent to the table.
        seconds: Duration of the load, without the time in the queue.
        error: Why the load failed, or which parts of the source failed while the others landed; "" if nothing failed.
            Contains no secrets.
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
    """Loads resources into the configured warehouse, and returns a result for each.

    A failure stops no other resource. If there are no targets, each broken source folder is a failed result.

    Args:
        targets: Names, each a source, source.table, dataset.table or job id. Default: all resources.
        root: The repository. Default: the repository that contains the working directory.
        start: Start of a range: date, time, or value of the cursor. The stored cursor is not updated.
        end: End of the range, which is not included.
        limit: Maximum rows per resource, for a sample, which lands in `<dataset>__sample`.
        refresh: `state` forgets the stored cursor and loads all rows again; `drop` also drops the table first.

    Raises:
        FoundationError: A target matches no resource, or the warehouse cannot be used.
    """
    root = root or find_root()
    warehouse = build_warehouse(root)
    warehouse.destination()  # raises SettingMissing before any load begins
    sources, broken = find_sources(root)
    targets = [targets] if isinstance(targets, str) else list(targets)
    options = LoadOptions(start, end, None, limit, refresh, run_id=new_run_id(), traceparent=traceparent())
    tasks = select_tasks(targets, sources, broken, options)
    results = [_broken(source) for source in broken if not targets]
    with observing_run(options.run_id, "run_sources", options.traceparent) as fail:
        outcomes = [event for event in load_and_log(root, tasks, warehouse) if isinstance(event, Outcome)]
        if failed := [outcome.task.resource.destination for outcome in outcomes if outcome.error]:
            fail(f"{', '.join(failed)} failed")
    return results + [_result(outcome) for outcome in outcomes]


def load_and_log(
    root: Path, tasks: Sequence[Task], warehouse: Warehouse, stop: RunStop | None = None
) -> Iterator[Progress | Outcome]:
    """Loads the tasks in parallel, yields their progress and outcomes at once, and writes them to the daily log.

    Tasks with a limit land beside their tables.

    Args:
        root: The repository.
        tasks: The resources to load.
        warehouse: The warehouse to load into.
        stop: Stops the loads if it is requested.

    Raises:
        Exception: Any error but a FoundationError is a fault of data-foundation and ends all loads.
    """
    with IngestionLog(root) as log:
        for event in load_side_by_side([beside_table(task) for task in tasks], warehouse, stop):
            log.write(event)
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
