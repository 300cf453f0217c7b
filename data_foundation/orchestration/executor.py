"""How the ops of a run share a machine: side by side as threads of one process, unless the run asks otherwise.

Read in dagster 1.13.27, whose `in_process_executor` runs one op after the other, and whose `multiprocess_executor`
starts a process for each that imports everything and loads the whole location anew. What is used here of Dagster's
inside is what those two are made of: `ActiveExecution` says which ops are ready and keeps to pools and priorities,
`dagster_event_sequence_for_step` runs one.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.events import EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import _trigger_hook, dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from typing_extensions import override

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
    from dagster._core.execution.plan.active import ActiveExecution
    from dagster._core.execution.plan.plan import ExecutionPlan

MOST_OPS = 10
"""Ops at a time unless a run says otherwise; each of them loads `max_concurrency` resources at a time."""

POLL_SECONDS = 0.2
"""How often it is looked whether the run was cancelled, or a place in a pool is free."""

PRELOADED = (
    "data_foundation.orchestration.factory",
    "data_foundation.orchestration.dbt_assets",
    "data_foundation.orchestration.event_log",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.schedules",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.executor.multiprocess",
    "upath.implementations.local",
)
"""What the processes of `multiprocess` have imported before they start, where the run's own process has it too: what
definitions.py imports, and where Dagster keeps its history, a quarter of a second for each."""

SIDE_BY_SIDE_CONFIG = dg.Field(
    {
        "max_concurrent": dg.Field(int, default_value=MOST_OPS, description="How many ops at a time."),
        "retries": dg.Field(
            dg.Selector({"enabled": {}, "disabled": {}}),  # type: ignore[no-untyped-call] # Dagster's own
            default_value={"enabled": {}},
            description="Whether an op that asks for another attempt gets it.",
        ),
    },
    description="Execute ops side by side, as threads of one process.",
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
    """Executes ops side by side, as threads of one process: what one waits for, the others use.

    A run may ask for `multiprocess`, where one op must not take the others along when its process dies, or for
    `in_process`, one op after the other.
    """
    config: Mapping[str, Any] = context.executor_config
    [(mode, told)] = config.items()
    if mode == "side_by_side":
        retries = RetryMode.ENABLED if "enabled" in told["retries"] else RetryMode.DISABLED
        return SideBySideExecutor(retries, told["max_concurrent"])
    if mode == "multiprocess" and not told.get("start_method"):
        modules = preloaded()
        told = {**told, "start_method": {"forkserver": {"preload_modules": modules}}}
        begin_forkserver(modules)
    stock = dg.multi_or_in_process_executor.executor_creation_fn
    assert stock  # noqa: S101 - Dagster's own has one
    return stock(context._replace(executor_config={mode: told}))


def preloaded() -> list[str]:
    """Returns which modules the first op waits for: of PRELOADED those that the run's process has needed itself."""
    return ["data_foundation.process_wide.preload", *(name for name in PRELOADED if name in sys.modules)]


def begin_forkserver(modules: list[str]) -> None:
    """Has the server of `multiprocess` import its modules by now: Dagster starts it when the first op is due."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
    forkserver.ensure_running()


class SideBySideExecutor(dg.Executor):
    """Executes ops as threads of the run's own process, at most `most` at a time."""

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
        """Yields what happens until every op has ended."""
        pid, ops = os.getpid(), execution_plan.step_keys_to_execute
        said = EngineEventData.in_process(pid, ops)
        yield dg.DagsterEvent.engine_event(
            plan_context, f"Executing ops side by side in one process (pid: {pid})", said
        )
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
            log_key = manager.build_log_key_for_run(job_context.run_id, create_compute_log_file_key())  # type: ignore[no-untyped-call]
            # Output is the process's: it cannot be told which op wrote what.
            captured = stack.enter_context(manager.capture_logs(log_key))
            keys = execution_plan.step_keys_to_execute
            yield dg.DagsterEvent.capture_logs(job_context, keys, log_key, captured)
            yield from _Ops(job_context, active, self._most).run()


class _Ops:
    """The ops of a run that are being executed, each by a thread, and what they say."""

    def __init__(self, context: PlanExecutionContext, active: ActiveExecution, most: int) -> None:
        self._context = context
        self._active = active
        self._most = most
        self._said: queue.SimpleQueue[tuple[_Op, dg.DagsterEvent | None]] = queue.SimpleQueue()
        self._running: set[_Op] = set()

    def run(self) -> Iterator[dg.DagsterEvent]:
        """Yields what the ops say until all have ended, or those that run where the run is cancelled."""
        cancelled = False
        while self._running or not (cancelled or self._active.is_complete):
            if not cancelled and self._active.check_for_interrupts():
                cancelled = True
                yield self._cancel()
            # One that is about to end may be about to begin again.
            if not (cancelled or any(op.is_ending for op in self._running)):
                self._start()
                yield from self._active.concurrency_event_iterator(self._context)
            try:
                op, event = self._said.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if event:
                yield event
                self._active.handle_event(event)
                op.is_ending = event.is_step_success or event.is_step_failure or event.is_step_up_for_retry
            else:
                yield from self._end(op)
        if cancelled:
            message = "The run was cancelled"
            raise dg.DagsterExecutionInterruptedError(message)

    def _start(self) -> None:
        for step in self._active.get_steps_to_execute(self._most - len(self._running)):
            op = _Op(self._context.for_step(step, self._active.get_known_state()), self._said.put)
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

    def _cancel(self) -> dg.DagsterEvent:
        self._active.mark_interrupted()
        for op in self._running:
            op.interrupt()
        told = EngineEventData.interrupted([op.context.step.key for op in self._running])
        return dg.DagsterEvent.engine_event(
            self._context, "The run is cancelled: ops end with the load they are at", told
        )


class _Op(threading.Thread):
    """One op being executed.

    Attributes:
        context: Of its step.
        events: What it has said.
        error: Why it ended beyond what Dagster makes an event of, None where it did not.
        is_ending: It has said how it ended.
    """

    def __init__(
        self, context: dg.StepExecutionContext, tell: Callable[[tuple[_Op, dg.DagsterEvent | None]], None]
    ) -> None:
        super().__init__(name=context.step.key, daemon=True)
        self.context = context
        self.events: list[dg.DagsterEvent] = []
        self.error: BaseException | None = None
        self.is_ending = False
        self._tell = tell

    @override
    def run(self) -> None:
        """Executes the op, and tells its end by None."""
        try:
            for event in dagster_event_sequence_for_step(self.context):
                self.events.append(event)
                self._tell((self, event))
        except dg.DagsterExecutionInterruptedError:
            pass  # the run ends with that error anyway
        except BaseException as error:  # noqa: BLE001 - it is raised where the run can be told
            self.error = error
        finally:
            self._tell((self, None))

    def interrupt(self) -> None:
        """Raises in the op what Dagster raises in the process of an op; it takes effect when it next does something."""
        error = ctypes.py_object(dg.DagsterExecutionInterruptedError)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident or 0), error)
