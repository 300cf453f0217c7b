"""Loads many resources in parallel; a resource that fails does not stop the others, and a stop of the run ends all."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from data_foundation.audit.starts import begun_load, recorded_starts
from data_foundation.audit.write import Attempt
from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import failed_checks
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import FoundationError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.progress import Progress
from data_foundation.loading.result import LoadResult
from data_foundation.loading.siblings.run import LoadContext, Siblings
from data_foundation.loading.stop import COMMIT_SECONDS, GRACE_SECONDS, LoadWatch, RunStop
from data_foundation.loading.task import Task
from data_foundation.loading.telemetry.observers import LoadEnd, Observers, find_observers
from data_foundation.process_wide.abandoned_threads import abandon
from data_foundation.process_wide.masked_output import redacted_output
from data_foundation.warehouses.base import Warehouse

TICK_SECONDS = 0.2
"""Longest time until a requested stop is noticed."""


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


def load_side_by_side(
    tasks: Sequence[Task], warehouse: Warehouse, stop: RunStop | None = None
) -> Iterator[Progress | Outcome]:
    """Loads every task, at most `max_concurrency` of a source at a time, and yields events as they occur.

    A stop ends every load at its next page or wait, and so does the `timeout` of a resource. A load that has begun its
    commit is finished, and one that does not react is given up: each has an outcome, at the latest after
    `GRACE_SECONDS` and `COMMIT_SECONDS`. An interrupt that
    is raised in this thread, such as KeyboardInterrupt, is a stop too; it is raised again at the end.

    Args:
        tasks: The resources to load.
        warehouse: The warehouse to load into.
        stop: Stops the loads if it is requested.

    Raises:
        Exception: An error that is not a FoundationError is a fault of the framework and stops all tasks.
    """
    observers = find_observers(tasks, warehouse)
    loads = _Loads(tasks, warehouse, stop or RunStop(), observers)
    with redacted_output(), recorded_starts(warehouse, _begun_loads(tasks)):
        try:
            loads.begin()
            yield from loads.events()
        finally:
            loads.end()
            observers.close()


def _begun_loads(tasks: Sequence[Task]) -> list[Attempt]:
    """Returns the loads that count as killed if this process dies; those of a run without an id cannot be found."""
    now = datetime.now(UTC)
    return [
        begun_load(str(table_name_of(task.resource)), task.source.name, task.options.run_id, now)
        for task in tasks
        if task.options.run_id
    ]


@dataclass(eq=False)
class _Running:
    """A task that has begun, and the thread that loads it."""

    task: Task
    watch: LoadWatch
    thread: threading.Thread = field(default_factory=threading.current_thread)
    started: float = field(default_factory=time.perf_counter)

    def end(self, result: LoadResult | None = None, error: FoundationError | None = None) -> Outcome:
        return Outcome(self.task, time.perf_counter() - self.started, result, error)


class _Loads:
    """The loads of a run. Their threads are daemons: Python ends without waiting for one that was given up."""

    def __init__(self, tasks: Sequence[Task], warehouse: Warehouse, stop: RunStop, observers: Observers) -> None:
        self._observers = observers
        self._warehouse = warehouse
        self._stop = stop
        self._left = len(tasks)
        self._waiting: dict[str, deque[Task]] = {}
        # In the order of the source, in which dlt reads its resources.
        sources = {task.source.name: task.source for task in tasks}.values()
        places = {one.destination: place for source in sources for place, one in enumerate(source.resources)}
        ordered = sorted(tasks, key=lambda task: places.get(task.resource.destination, 0))
        self._siblings = Siblings(ordered)
        for task in ordered:
            self._waiting.setdefault(task.source.name, deque()).append(task)
        self._running: set[_Running] = set()
        self._events: queue.SimpleQueue[tuple[_Running, Progress | Outcome | BaseException]] = queue.SimpleQueue()

    def begin(self) -> None:
        """Starts the threads of each source."""
        for name, tasks in self._waiting.items():
            for _ in range(min(len(tasks), tasks[0].source.concurrency)):
                self._start_thread(name)

    def events(self) -> Iterator[Progress | Outcome]:
        """Yields events until every task has its outcome.

        Raises:
            BaseException: The interrupt of this thread, or a fault of the framework.
        """
        interrupt = None
        while self._left:
            try:
                running, event = self._events.get(timeout=TICK_SECONDS)
            except queue.Empty:
                pass
            except BaseException as raised:  # noqa: BLE001 - KeyboardInterrupt, or what else a signal handler raises
                interrupt = raised
                self._stop.request()
            else:
                # A load that was given up has its outcome already.
                if not running.watch.is_given_up:
                    yield from self._take(event)
            yield from self._drop_waiting()
            yield from self._give_up()
        if interrupt:
            raise interrupt

    def end(self) -> None:
        """Stops what is left, if the caller does not want its events."""
        if self._left:
            if self._stop.requested_at is None:
                self._stop.request()
            deque(self.events(), maxlen=0)

    def _take(self, event: Progress | Outcome | BaseException) -> Iterator[Progress | Outcome]:
        self._left -= not isinstance(event, Progress)
        if isinstance(event, BaseException):
            raise event
        yield self._observed(event) if isinstance(event, Outcome) else event

    def _observed(self, outcome: Outcome) -> Outcome:
        self._observers.end(outcome.task, LoadEnd(outcome.seconds, outcome.result, outcome.error))
        return outcome

    def _drop_waiting(self) -> Iterator[Outcome]:
        """Yields the outcomes of tasks that are not begun when the run is being stopped."""
        while self._stop.requested_at is not None and (task := _pop(*self._waiting.values())):
            self._left -= 1
            running = self._begin(task)
            yield self._observed(running.end(error=running.watch.give_up()))

    def _give_up(self) -> Iterator[Outcome]:
        """Yields the outcomes of loads that do not end, though the run is being stopped or their time is up."""
        for running in list(self._running):
            if error := self._find_end(running.watch):
                self._running.discard(running)
                abandon(running.thread)
                self._siblings.give_up(running.task)
                self._left -= 1
                # Its thread took part in the tasks of the source.
                self._start_thread(running.task.source.name)
                yield self._observed(running.end(error=error))

    def _find_end(self, watch: LoadWatch) -> FoundationError | None:
        """Returns why a load is given up, None if it is not."""
        overdue = watch.find_overdue(GRACE_SECONDS)
        if not (overdue or self._stop.has_lasted(GRACE_SECONDS)):
            return None
        at_most = GRACE_SECONDS + COMMIT_SECONDS
        is_last = self._stop.has_lasted(at_most) or watch.find_overdue(at_most) is not None
        stopped = None if self._stop.requested_at is not None else overdue
        return watch.give_up(stopped) or (watch.give_up_commit() if is_last else None)

    def _begin(self, task: Task) -> _Running:
        return _Running(task, LoadWatch(task.resource.destination, task.resource.timeout, self._stop))

    def _start_thread(self, source: str) -> None:
        threading.Thread(target=self._work, args=(self._waiting[source],), name=source, daemon=True).start()

    def _work(self, tasks: deque[Task]) -> None:
        """Loads tasks until none is left, or this thread's load was given up."""
        while task := _pop(tasks):
            running = self._begin(task)
            self._running.add(running)
            with redacted_output():  # of its own, which lasts as long as a load that was given up
                end = self._load(running)
            self._running.discard(running)
            self._events.put((running, end))
            if running.watch.is_given_up:
                return

    def _load(self, running: _Running) -> Outcome | BaseException:
        def report(progress: Progress) -> None:
            self._events.put((running, progress))

        try:
            context = LoadContext(running.watch, self._siblings)
            with self._siblings.states.turn(running.task, running.watch), self._observers.watching(running.task):
                return running.end(load_resource(running.task, self._warehouse, report, context=context))
        except FoundationError as error:
            return running.end(error=error)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the run
            return error


def _pop(*waiting: deque[Task]) -> Task | None:
    """Returns the next task, None if there is none; another thread may take the last one at the same time."""
    for tasks in waiting:
        with suppress(IndexError):
            return tasks.popleft()
    return None
