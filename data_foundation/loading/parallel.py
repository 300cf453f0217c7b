"""Loads many resources in parallel; a resource that fails does not stop the others."""

from __future__ import annotations

import queue
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import failed_checks
from data_foundation.errors import FoundationError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.progress import Progress
from data_foundation.loading.result import LoadResult
from data_foundation.loading.siblings.run import Siblings
from data_foundation.loading.task import Task
from data_foundation.process_wide.redaction import redacted_output
from data_foundation.warehouses.base import Warehouse


@dataclass(frozen=True)
class Outcome:
    """The end of a task: a result or an error.

    Attributes:
        task: The resource, and the run's options.
        seconds: Duration, without the time in the queue.
        result: The result, None if the load failed.
        error: The error, None if the load succeeded.
    """

    task: Task
    seconds: float
    result: LoadResult | None = None
    error: FoundationError | None = None

    @property
    def checks(self) -> tuple[CheckOutcome, ...]:
        """Outcomes of the resource's checks; for a failed load only that of the check that failed it."""
        return self.result.checks if self.result else failed_checks(self.task.resource, self.error)


def load_side_by_side(tasks: Sequence[Task], warehouse: Warehouse) -> Iterator[Progress | Outcome]:
    """Loads every task, at most `max_concurrency` of a source at a time, and yields events as they occur.

    Raises:
        Exception: An error that is not a FoundationError is a fault of the framework and stops all tasks.
    """
    by_source: dict[str, list[Task]] = defaultdict(list)
    # In the order of the source, in which dlt reads its resources.
    ordered = sorted(tasks, key=lambda task: task.source.position(task.resource))
    siblings = Siblings(ordered)
    for task in ordered:
        by_source[task.source.name].append(task)
    events: queue.SimpleQueue[Progress | Future[Outcome]] = queue.SimpleQueue()

    def load(task: Task) -> Outcome:
        started = time.perf_counter()
        try:
            with siblings.states.turn(task):
                result = load_resource(task, warehouse, events.put, siblings=siblings)
        except FoundationError as error:
            return Outcome(task, time.perf_counter() - started, error=error)
        return Outcome(task, time.perf_counter() - started, result)

    with redacted_output(), ExitStack() as pools:
        for name, members in by_source.items():
            pool = ThreadPoolExecutor(members[0].source.concurrency, name)
            pools.callback(pool.shutdown, cancel_futures=True)
            for task in members:
                pool.submit(load, task).add_done_callback(events.put)
        pending = len(tasks)
        while pending:
            event = events.get()
            if isinstance(event, Future):
                pending -= 1
                yield event.result()
            else:
                yield event
