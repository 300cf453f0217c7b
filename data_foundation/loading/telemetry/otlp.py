"""Exports spans of OpenTelemetry: run, source, table, phase. Every process of a run adds to the same trace.

The ids of a run's trace and of its span follow from the run's id, so a process needs nothing but that id to add spans:
a step of Dagster's `multiprocess` executor, a worker of Celery, a pod of Kubernetes. What is exported, and where to, is
set by OpenTelemetry's own variables, `OTEL_*`.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from data_foundation.loading.telemetry.exporters import number_provider, run_tracer, span_provider, tracer
from data_foundation.loading.telemetry.metrics import Metrics
from data_foundation.loading.telemetry.observers import phases
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from data_foundation.loading.task import Task
    from data_foundation.loading.telemetry.observers import LoadEnd

FLUSH_SECONDS = 5.0
"""How long the end of a run, or of a step in a process of its own, waits for the receiver."""

_open_runs: Counter[str] = Counter()
"""The runs whose span is open in this process: their end sends what is left."""


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size])


def _cause(traceparent: str) -> trace.SpanContext:
    """Returns the span that has caused a run, an invalid one if there is none."""
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    return trace.get_current_span(context).get_span_context()


def _run_ids(run_id: str, cause: trace.SpanContext) -> tuple[int, int]:
    """Returns the ids of a run's trace and span. A trace is found by the run's id, without its hyphens."""
    try:
        trace_id = uuid.UUID(run_id).int
    except ValueError:
        trace_id = _digest(f"trace {run_id}", 16)
    return cause.trace_id if cause.is_valid else trace_id, _digest(f"run {run_id}", 8)


def _run_context(run_id: str, traceparent: str) -> Context:
    """Returns the context whose current span is that of the run, which another process may have opened."""
    cause = _cause(traceparent)
    trace_id, span_id = _run_ids(run_id, cause)
    # The sampler decides by the id of the trace: every process of a run decides alike.
    parent = trace.set_span_in_context(trace.NonRecordingSpan(cause)) if cause.is_valid else Context()
    decision = span_provider().sampler.should_sample(parent, trace_id, "run").decision
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else 0)
    run = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(run), Context())


@contextmanager
def run_span(run_id: str, name: str, traceparent: str) -> Iterator[Callable[[str], None]]:
    """Opens the span of a run, and sends what is left at its end; yields the function that marks it as failed."""
    cause = _cause(traceparent)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(cause), Context()) if cause.is_valid else Context()
    opened = run_tracer(*_run_ids(run_id, cause))
    span = opened.start_span("run", parent, attributes={"run.id": run_id, "run.name": name})
    _open_runs[run_id] += 1
    try:
        yield lambda reason: _fail(span, reason)
    except BaseException as error:
        _fail(span, f"{type(error).__name__}: {error}")
        raise
    finally:
        span.end()
        _open_runs[run_id] -= 1
        flush()


class LoadSpans:
    """The spans and numbers of the loads of one process; see `observers.Observer`."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._run_id = tasks[0].options.run_id
        self._run = _run_context(self._run_id, tasks[0].options.traceparent)
        self._metrics = Metrics()
        self._lock = threading.Lock()
        self._left = Counter(task.source.name for task in tasks)
        self._sources: dict[str, Span] = {}
        self._tables: dict[str, Span] = {}

    @contextmanager
    def begin(self, task: Task) -> Iterator[None]:
        """Opens the span of a table below that of its source; it is the current one in the block."""
        table = tracer().start_span("table", trace.set_span_in_context(self._source(task.source.name), Context()))
        table.set_attributes(self._describe(task))
        self._tables[task.resource.destination] = table
        token = attach(trace.set_span_in_context(table))
        try:
            with phases(_phase_span):
                yield
        finally:
            detach(token)

    def _source(self, name: str) -> Span:
        with self._lock:
            if name not in self._sources:
                attributes = {"run.id": self._run_id, "source.name": name}
                self._sources[name] = tracer().start_span("source", self._run, attributes=attributes)
            return self._sources[name]

    def _describe(self, task: Task) -> dict[str, str]:
        return {
            "run.id": self._run_id,
            "source.name": task.source.name,
            "table.name": task.resource.destination,
        }

    def end(self, task: Task, end: LoadEnd) -> None:
        """Ends the span of a table, and that of its source with its last table; records the numbers of the load."""
        if table := self._tables.pop(task.resource.destination, None):
            self._metrics.record(task, end)
            if end.result:
                values = {"rows": end.result.all_rows, "bytes": end.result.bytes, "load.id": end.result.load_id}
                table.set_attributes({name: value for name, value in values.items() if value is not None})
            if end.error:
                table.set_attribute("error.type", type(end.error).__name__)
                _fail(table, str(end.error))
            table.end()
        source = task.source.name
        self._left[source] -= 1
        if end.error and source in self._sources:
            _fail(self._sources[source], f"{task.resource.destination} failed")
        if not self._left[source] and source in self._sources:
            self._sources.pop(source).end()

    def close(self) -> None:
        """Sends what is left, unless the run ends in this process too, which then does."""
        for span in (*self._tables.values(), *self._sources.values()):
            span.end()
        if not _open_runs[self._run_id]:
            flush()


@contextmanager
def _phase_span(name: str) -> Iterator[None]:
    # The text of an error is that of the table, which is masked: an exception recorded here would not be.
    span = tracer().start_span(name)
    token = attach(trace.set_span_in_context(span))
    try:
        yield
    except BaseException as error:
        _fail(span, type(error).__name__)
        raise
    finally:
        detach(token)
        span.end()


def _fail(span: Span, reason: str) -> None:
    span.set_status(trace.Status(trace.StatusCode.ERROR, redact(reason)[:500]))


def flush() -> None:
    """Sends what is left, for at most `FLUSH_SECONDS`; a receiver that does not answer delays no run further."""
    senders = [span_provider().force_flush, number_provider().force_flush]
    threads = [threading.Thread(target=sender, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(FLUSH_SECONDS / len(threads))
