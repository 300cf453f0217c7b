"""The executor of the code location: runs the ops of a run in parallel, as threads of one process by default.

Dagster 1.13.27 has two others: `in_process_executor` runs one op after the other, and `multiprocess_executor` starts a
process for each op, which imports everything and loads the whole code location again. This executor uses the same
internal parts as those two: `ActiveExecution` decides which ops are ready and enforces pools and priorities,
`dagster_event_sequence_for_step` runs one op.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import _trigger_hook, dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from typing_extensions import override

from data_foundation.loading.stop import COMMIT_SECONDS, GRACE_SECONDS
from data_foundation.orchestration.ops.stop import OpStop, op_stop
from data_foundation.process_wide.abandoned_threads import abandon

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
    from dagster._core.execution.plan.active import ActiveExecution
    from dagster._core.execution.plan.plan import ExecutionPlan

MOST_OPS = 10
"""Default maximum of parallel ops; each op loads up to `max_concurrency` resources in parallel."""

POLL_SECONDS = 0.2
"""Interval of the checks for a cancelled run and for a free slot in a pool."""

END_SECONDS = GRACE_SECONDS + COMMIT_SECONDS + 2.0
"""Time that the ops of a cancelled run have to end; after that, their threads are abandoned."""

PRELOADED = (
    "data_foundation.orchestration.factory",
    "data_foundation.orchestration.dbt_models.assets",
    "data_foundation.orchestration.event_log",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.schedules",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.executor.multiprocess",
    "upath.implementations.local",
)
"""Modules that the fork server of `multiprocess` imports in advance, if the run's process has imported them too: those
of definitions.py and of Dagster's storage. Each saves an op a quarter of a second."""

SIDE_BY_SIDE_CONFIG = dg.Field(
    {
        "max_concurrent": dg.Field(
            int, default_value=MOST_OPS, description="Maximum number of ops that run in parallel."
        ),
        "retries": dg.Field(
            dg.Selector({"enabled": {}, "disabled": {}}),  # type: ignore[no-untyped-call] # Dagster's own
            default_value={"enabled": {}},
            description="Whether an op that requests a retry is run again.",
        ),
    },
    description="Run ops in parallel, as threads of one process.",
)


@dg.executor(
    name="side_by_side_executor",
    config_schema=dg.Field(
        dg.Selector(  # type: ignore[no-untyped-call] # the same
            {
                "side_by_side": SIDE_BY_SIDE_CONFIG,
                "multiprocess": dg.multiprocess_executor.config_schema.as_field(),
                "in_process": dg.in_process_executor.config_schema.as_field(),
            }
        ),
        default_value={"side_by_side": {}},
    ),
    requirements=lambda config: dg.multiple_process_executor_requirements() if "multiprocess" in config else [],
)
def side_by_side_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Runs ops in parallel, as threads of one process: while one op waits for a vendor, others use the CPU.

    A run can choose `multiprocess`, so that a process that dies ends one op only, or `in_process`, one op after the
    other.
    """
    config: Mapping[str, Any] = context.executor_config
    [(mode, options)] = config.items()
    if mode == "side_by_side":
        retries = RetryMode.ENABLED if "enabled" in options["retries"] else RetryMode.DISABLED
        return SideBySideExecutor(retries, options["max_concurrent"])
    if mode == "multiprocess" and not options.get("start_method"):
        modules = preloaded()
        options = {**options, "start_method": {"forkserver": {"preload_modules": modules}}}
        begin_forkserver(modules)
    stock = dg.multi_or_in_process_executor.executor_creation_fn
    assert stock  # noqa: S101 - Dagster's own has one
    return stock(context._replace(executor_config={mode: options}))


def preloaded() -> list[str]:
    """Returns the modules that the fork server imports: those of PRELOADED that the run's process has imported."""
    return ["data_foundation.process_wide.preload", *(name for name in PRELOADED if name in sys.modules)]


def begin_forkserver(modules: list[str]) -> None:
    """Starts the fork server of `multiprocess` early; Dagster would start it with the first op, which then waits."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
    forkserver.ensure_running()


class SideBySideExecutor(dg.Executor):
    """Runs ops as threads of the run's own process, at most `most` in parallel."""

    def __init__(self, retries: RetryMode, most: int) -> None:
        self._retries = retries
        self._most = most

    @property
    @override
    def retries(self) -> RetryMode:
        return self._retries

    @override
    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Yields the events of the run until every op has ended."""
        plan_context.log.info("Running ops in parallel, as threads of one process (pid: %d)", os.getpid())
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=self._iterate,
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
            ),
        )

    def _iterate(self, job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
        instance = job_context.instance
        with (
            InstanceConcurrencyContext(instance, job_context.dagster_run) as pools,
            execution_plan.start(self._retries, None, self._most, instance_concurrency_context=pools) as active,
            ExitStack() as stack,
        ):
            manager = instance.compute_log_manager
            log_key = manager.build_log_key_for_run(job_context.run_id, uuid4().hex)
            # The output belongs to the process: which op wrote a line is not known.
            captured = stack.enter_context(manager.capture_logs(log_key))
            keys = execution_plan.step_keys_to_execute
            yield dg.DagsterEvent.capture_logs(job_context, keys, log_key, captured)
            yield from _Ops(job_context, active, self._most).run()


class _Ops:
    """The running ops of a run, each in a thread, and the queue of their events."""

    def __init__(self, context: PlanExecutionContext, active: ActiveExecution, most: int) -> None:
        self._context = context
        self._active = active
        self._most = most
        self._events: queue.SimpleQueue[tuple[_Op, dg.DagsterEvent | None]] = queue.SimpleQueue()
        self._running: set[_Op] = set()
        self._last_moment = math.inf

    def run(self) -> Iterator[dg.DagsterEvent]:
        """Yields the events of the ops until all have ended, or a cancelled run gives up on them."""
        while self._running or not (self._is_cancelled or self._active.is_complete):
            if self._active.check_for_interrupts():
                self._cancel()
            # An op that is ending may be retried: starting another now could take its slot.
            if not (self._is_cancelled or any(op.is_ending for op in self._running)):
                self._start()
                yield from self._active.concurrency_event_iterator(self._context)
            if self._is_cancelled and time.monotonic() > self._last_moment:
                yield from self._give_up()
                continue
            try:
                op, event = self._events.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if event:
                yield event
                self._active.handle_event(event)
                op.is_ending = event.is_step_success or event.is_step_failure or event.is_step_up_for_retry
            else:
                yield from self._end(op)
        if self._is_cancelled:
            message = "The run was cancelled"
            raise dg.DagsterExecutionInterruptedError(message)

    def _start(self) -> None:
        for step in self._active.get_steps_to_execute(self._most - len(self._running)):
            op = _Op(self._context.for_step(step, self._active.get_known_state()), self._events.put)
            self._running.add(op)
            op.start()

    def _end(self, op: _Op) -> Iterator[dg.DagsterEvent]:
        self._running.remove(op)
        op.join()
        self._active.verify_complete(self._context, op.context.step.key)
        yield from self._active.plan_events_iterator(self._context)
        yield from _trigger_hook(op.context, op.events)
        if op.error:
            raise op.error

    @property
    def _is_cancelled(self) -> bool:
        return self._last_moment < math.inf

    def _cancel(self) -> None:
        """Interrupts the running ops; a second interrupt of the run ends the wait for them."""
        seconds = 1.0 if self._is_cancelled else END_SECONDS
        self._last_moment = time.monotonic() + seconds
        self._active.mark_interrupted()
        for op in self._running:
            op.interrupt()
        message = "The run is cancelled: each load ends at its next page or with its commit, within %g s"
        self._context.log.info(message, seconds)

    def _give_up(self) -> Iterator[dg.DagsterEvent]:
        """Leaves the ops that have not ended; the daemon threads of their loads can no longer commit."""
        for op in self._running:
            abandon(op)
            self._active.verify_complete(self._context, op.context.step.key)
        self._running.clear()
        storage = self._context.instance.event_log_storage
        if storage.supports_global_concurrency_limits:
            storage.free_concurrency_slots_for_run(self._context.run_id)
        yield from self._active.plan_events_iterator(self._context)


class _Op(threading.Thread):
    """A running op.

    Attributes:
        context: The context of its step.
        events: The events that it has yielded so far.
        error: An error that Dagster did not convert to an event, None if there is none.
        is_ending: True if it has yielded its success, failure or retry event.
    """

    def __init__(
        self, context: dg.StepExecutionContext, put: Callable[[tuple[_Op, dg.DagsterEvent | None]], None]
    ) -> None:
        super().__init__(name=context.step.key, daemon=True)
        self.context = context
        self.events: list[dg.DagsterEvent] = []
        self.error: BaseException | None = None
        self.is_ending = False
        self._put = put
        self._requested = OpStop()

    @override
    def run(self) -> None:
        """Runs the op; puts its events into the queue, and None at its end."""
        op_stop.set(self._requested)
        try:
            for event in dagster_event_sequence_for_step(self.context):
                self.events.append(event)
                self._put((self, event))
        except dg.DagsterExecutionInterruptedError:
            pass  # the run ends with that error anyway
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the run
            self.error = error
        finally:
            self._put((self, None))

    def interrupt(self) -> None:
        """Stops the loads of the op; in any other op, raises Dagster's interruption at its thread's next bytecode."""
        self._requested.request()
        if self._requested.is_obeyed:
            return
        error = ctypes.py_object(dg.DagsterExecutionInterruptedError)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident or 0), error)
