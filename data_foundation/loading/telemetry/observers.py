"""Finds the observers of a run that the environment switches on, and keeps their errors away from the loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.settings import is_traced, sends_lineage

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.errors import FoundationError
    from data_foundation.loading.result import LoadResult
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Warehouse

logger = logging.getLogger(__name__)

_ROOM = "data_foundation.loading.telemetry"
_EXTRAS: Mapping[str, str] = {"otlp": "telemetry", "lineage": "lineage", "models": "lineage"}
"""The extra that each module of this room needs."""


@dataclass(frozen=True)
class LoadEnd:
    """How a load has ended.

    Attributes:
        seconds: Duration, without the time in the queue.
        result: The result, None if the load failed.
        error: The error, None if the load succeeded.
    """

    seconds: float
    result: LoadResult | None = None
    error: FoundationError | None = None


class Observer(Protocol):
    """Observes the loads of one process in a run."""

    def begin(self, task: Task) -> AbstractContextManager[Any]:
        """Returns the context in which the thread of a load runs."""

    def end(self, task: Task, end: LoadEnd) -> None:
        """Observes the end of a load that has begun."""

    def close(self) -> None:
        """Sends what is left, for at most a few seconds: every load has ended."""


class Observers:
    """The observers of the loads of one process; an error of theirs is logged once and never reaches a load."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    @contextmanager
    def watching(self, task: Task) -> Iterator[None]:
        """Observes the begin of a load, which runs in the block."""
        with ExitStack() as stack:
            for observer in self._observers:
                with _unharmed():
                    stack.enter_context(observer.begin(task))
            yield

    def end(self, task: Task, end: LoadEnd) -> None:
        """Observes the end of a load."""
        for observer in self._observers:
            with _unharmed():
                observer.end(task, end)

    def close(self) -> None:
        """Sends what is left."""
        for observer in self._observers:
            with _unharmed():
                observer.close()


def find_observers(tasks: Sequence[Task], warehouse: Warehouse) -> Observers:
    """Returns the observers that the environment switches on; none by default.

    Args:
        tasks: The loads of this process.
        warehouse: The warehouse to load into.
    """
    found: list[Observer] = []
    if tasks and is_traced() and (otlp := _import("otlp")):
        with _unharmed():
            found.append(otlp.LoadSpans(tasks))
    if tasks and sends_lineage() and (lineage := _import("lineage")):
        with _unharmed():
            found.append(lineage.TableEvents(warehouse))
    return Observers(found)


@contextmanager
def observing_run(run_id: str, name: str, traceparent: str = "") -> Iterator[Callable[[str], None]]:
    """Opens the span of a run for the block, if traces are on.

    Args:
        run_id: Dagster's run id, or a generated one. All processes of a run find its trace by it.
        name: What runs, for instance the name of a job.
        traceparent: W3C's header of the span that has caused the run, "" for none.

    Yields:
        A function to call with the reason if the run fails.
    """
    with ExitStack() as stack:
        fail: Callable[[str], None] = lambda _reason: None  # noqa: E731 - one of two functions
        if is_traced() and (otlp := _import("otlp")):
            with _unharmed():
                fail = stack.enter_context(otlp.run_span(run_id, name, traceparent))
        yield fail


def observe_models(target: Path, warehouse: Warehouse, run_id: str) -> None:
    """Observes a dbt build that has ended.

    Args:
        target: dbt's target folder, with the artifacts of the build.
        warehouse: The warehouse in which dbt has built.
        run_id: The id of the run that has started dbt.
    """
    if sends_lineage() and (target / "run_results.json").exists() and (models := _import("models")):
        with _unharmed():
            models.send_models(target, warehouse, run_id)


_open_phase: ContextVar[Callable[[str], AbstractContextManager[Any]]] = ContextVar("open_phase", default=nullcontext)


def phase(name: str) -> AbstractContextManager[Any]:
    """Returns the context of a phase of the load of this thread; without traces an empty one."""
    return _open_phase.get()(name)


@contextmanager
def phases(open_phase: Callable[[str], AbstractContextManager[Any]]) -> Iterator[None]:
    """Opens the phases of this thread with a function until the block ends."""
    token = _open_phase.set(open_phase)
    try:
        yield
    finally:
        _open_phase.reset(token)


@cache
def _import(name: str) -> Any:
    """Returns a module of this room, None if its extra is not installed."""
    try:
        return import_module(f"{_ROOM}.{name}")
    except ImportError as error:
        extra = _EXTRAS[name]
        logger.warning(
            "%s of this run are not sent: %s; install the extra: pip install 'data-foundation[%s]'", extra, error, extra
        )
        return None


@contextmanager
def _unharmed() -> Iterator[None]:
    """Logs an error of the block instead of raising it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what only observes must not fail a load
        logger.warning("a run is not observed completely: %s", redact(f"{type(error).__name__}: {error}"))
