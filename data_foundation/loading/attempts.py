"""Loads one resource under its lock, with retries, and records every attempt in the audit trail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from data_foundation.audit import write as audit
from data_foundation.audit.read import find_run
from data_foundation.checks.failed_parts import list_parts
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadOvertaken, LoadStopped, ResourceBusy
from data_foundation.loading.failures import failure
from data_foundation.loading.failures.traceback_file import format_traceback, write_traceback
from data_foundation.loading.load import Load
from data_foundation.loading.lock import hold
from data_foundation.loading.progress import Progress, Report
from data_foundation.loading.siblings.run import LoadContext, Siblings
from data_foundation.loading.stop import LoadWatch
from data_foundation.loading.task import Task, new_run_id
from data_foundation.process_wide.dlt_libraries import hide_partial_libraries
from data_foundation.process_wide.dlt_memo import remember_hints
from data_foundation.process_wide.dlt_traces import forgotten_traces
from data_foundation.process_wide.redaction import redact
from data_foundation.process_wide.secret_settings import learn_resolved
from data_foundation.process_wide.source_log import LogLevel, listening
from data_foundation.vendors.request_session import repeating
from data_foundation.vendors.retries import attempts

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.loading.result import LoadResult
    from data_foundation.warehouses.base import Destination, Warehouse

logger = logging.getLogger(__name__)

MOST_READINGS = 3
"""How often one attempt reads the source, if each time another load lands in the table first."""


def load_resource(
    task: Task,
    warehouse: Warehouse,
    report: Report | None = None,
    tracebacks: Path | None = None,
    context: LoadContext | None = None,
) -> LoadResult:
    """Loads one resource into its table and returns the result.

    A second run of the same resource waits for the first. A transient failure is retried as `retries` of the resource
    configures. The traceback of a failure, without secrets, is reported at DEBUG and written to a file that the error's
    message names.

    Args:
        task: The resource to load, and the run's options.
        warehouse: The warehouse to load into.
        report: Called with each progress of the load.
        tracebacks: Folder for the traceback of a failure; default: the warehouse's work folder.
        context: What the load has of its run; default: it is by itself.

    Raises:
        LoadError: Extracting, normalising or loading failed; the message names the place and the cause.
        EntryError: The entry is not usable.
        LoadStopped: The run is being stopped.
        SettingMissing: A setting is not set; the message names it.
        WarehouseError: The warehouse cannot be used.
    """
    if not task.options.run_id:
        task = replace(task, options=replace(task.options, run_id=new_run_id()))
    remember_hints()
    hide_partial_libraries()
    with forgotten_traces():
        context = context or LoadContext(LoadWatch(task.resource.destination, task.resource.timeout), Siblings())
        return _Run(task, warehouse, report, tracebacks, context).load()


class _Run:
    """The attempts of one run to load a resource, and the progress of the last one."""

    def __init__(
        self,
        task: Task,
        warehouse: Warehouse,
        report: Report | None,
        tracebacks: Path | None,
        context: LoadContext,
    ) -> None:
        self.task = task
        self.context = context
        self.watch = context.watch
        self.resource = task.resource
        self.run_id = task.options.run_id
        self.table = table_name_of(task.resource)
        self.home = warehouse
        self.warehouse = warehouse.serving(task.resource)
        self.has_trail = self.warehouse is warehouse and warehouse.is_audited and warehouse.keeps_audit
        self.tracebacks = tracebacks or self.warehouse.work_folder
        self.report = report or (lambda _progress: None)
        # Without a report, log records of the source go to the usual handlers.
        forwarding = partial(listening, task.source.folder, self._report_source_log)
        self.listening: Callable[[], AbstractContextManager[None]] = forwarding if report else nullcontext
        self.number = 0
        self.warnings: list[str] = []
        self.last = Progress(task.resource.destination, "waiting")

    def load(self) -> LoadResult:
        """Returns the result, or raises the error that explains the failure."""
        self._show(self.last)
        started = datetime.now(UTC)
        try:
            folder, name = self.warehouse.work_folder, self.table.pipeline
            self.watch.check()
            with hold(folder, name, self.run_id, self._report_waiting, check=self.watch.check) as killed:
                if killed:
                    # A killed run could not record itself; only its start is known.
                    identity = audit.killed_id(killed.run_id, str(self.table))
                    since = datetime.fromisoformat(killed.since)
                    self._record("killed", since, run_id=killed.run_id, id=identity)
                result = self._load_parts()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an entry may raise anything; it is reported as an error of ours
            if isinstance(error, ResourceBusy):
                self._record_failure(started, error)
            trace = None if failure.is_refusal(error) else self._keep_traceback(error)
            is_stopped = isinstance(failure.find_cause(error), LoadStopped)
            self._show(replace(self.last, phase="stopped" if is_stopped else "failed"))
            raise failure.explain(self.task.source, self.resource, error, self.number, trace) from None
        self._show(Progress(self.resource.destination, "done", result.all_rows))
        return replace(result, warnings=(*self.warnings, *result.warnings))

    def _load_parts(self) -> LoadResult:
        """Loads, and again while a first load has parts left, each with its own retries."""
        attempt = attempts(self.resource.retries, self._report_retry, self.watch)
        result: LoadResult = attempt(self._attempt)
        while result.has_more_parts:
            self.watch.resume()
            # The first part has begun anew, or has dropped the table.
            self.task = replace(self.task, options=replace(self.task.options, refresh="none"))
            result = attempt(self._attempt).after(result)
        return result

    def _attempt(self) -> LoadResult:
        """Loads once; begins anew, without a wait, if loads of other runs have landed meanwhile."""
        for left in reversed(range(MOST_READINGS)):
            try:
                return self._read_and_load()
            except Exception as error:
                if not isinstance(cause := failure.find_cause(error), LoadOvertaken):
                    raise
                faster = self._describe_faster(cause)
                if not left:
                    message = f"{faster} landed in the table first, {MOST_READINGS} times in turn; nothing was written"
                    raise LoadOvertaken(f"{message}. Let one run at a time load it", cause.newest) from error
                self._report_overtaken(faster)
        raise AssertionError  # the last reading returns or raises

    def _read_and_load(self) -> LoadResult:
        self.number += 1
        started = datetime.now(UTC)

        def record_landed(result: LoadResult, destination: Destination) -> None:
            cursor = None if result.cursor[1] is None else str(result.cursor[1])
            values = {"rows": result.all_rows, "bytes": result.bytes, "cursor": cursor, "load_id": result.load_id}
            values["deleted"] = result.deleted or None
            values["left_out"] = result.left_out or None
            values["error"] = list_parts(result.failed_parts) or None
            values["keys_checked"] = result.keys_checked
            self._record("loaded", started, destination, **values)

        try:
            with self.listening(), repeating(self.resource.retries, self.watch):
                load = Load(self.task, self.warehouse, self._show, self.context, has_trail=self.has_trail)
                return load.run(record_landed)
        except BaseException as error:
            self.context.siblings.sources.forget()
            self._record_failure(started, failure.find_cause(error))
            raise

    def _describe_faster(self, cause: LoadOvertaken) -> str:
        """Returns which load landed first, with its run if the audit trail has it."""
        if not cause.newest:
            return "another change"
        run_id = find_run(self.home, str(self.table), cause.newest) if self.home.is_audited else None
        return f"load {cause.newest} of {f'run {run_id}' if run_id else 'another program'}"

    def _report_overtaken(self, faster: str) -> None:
        note = f"attempt {self.number} was dropped: {faster} landed in the table first; reading again from there"
        self.warnings.append(note)
        logger.warning("%s: %s", self.resource.destination, note)
        self._show(Progress(self.resource.destination, "retrying", self.last.rows, note))

    def _keep_traceback(self, error: BaseException) -> Path | None:
        """Reports the traceback at DEBUG and returns the file that contains it, None if it cannot be written."""
        text = format_traceback(error)
        self.report(replace(self.last, note=text, level="DEBUG"))
        heading = f"{self.last.destination}, run {self.run_id}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return write_traceback(self.tracebacks, self.table.pipeline, f"{heading}\n\n{text}")

    def _record_failure(self, started: datetime, cause: BaseException) -> None:
        self._record("failed", started, rows=self.last.rows, error_class=type(cause).__name__, error=str(cause))

    def _record(
        self, status: audit.Status, started: datetime, destination: Destination | None = None, **values: Any
    ) -> None:
        """Writes an attempt into the audit trail of the default warehouse, which covers tables of every warehouse."""
        if not self.home.is_audited or self.watch.is_given_up:
            return
        asset, run_id = str(self.table), values.pop("run_id", self.run_id)
        ended = None if status == "killed" else datetime.now(UTC)
        number = max(self.number, 1)
        attempt = audit.Attempt(asset, self.task.source.name, run_id, number, status, started, ended, **values)
        audit.record(self.home, attempt, destination if self.warehouse is self.home else None)

    def _show(self, progress: Progress) -> None:
        self.last = replace(progress, note="")
        self.report(progress)

    def _report_source_log(self, level: LogLevel, text: str) -> None:
        """Reports a log record or warning of the source's own code, redacted."""
        learn_resolved()
        self.report(replace(self.last, note=redact(text), level=level))

    def _report_waiting(self, note: str) -> None:
        self._show(Progress(self.resource.destination, "waiting", 0, note))

    def _report_retry(self, number: int, seconds: float, cause: BaseException) -> None:
        """Reports that an attempt failed, with its phase and row count, and when the next one begins."""
        phase, rows = self.last.phase, self.last.rows
        note = f"attempt {number} failed in {phase} after {rows:,} rows: {failure.describe(cause)}"
        self.warnings.append(note)
        again = f"{note}; attempt {number + 1} of {self.resource.retries.max + 1} in {seconds:.1f} s"
        logger.warning("%s: %s", self.resource.destination, again)
        self._show(Progress(self.resource.destination, "retrying", rows, again))
