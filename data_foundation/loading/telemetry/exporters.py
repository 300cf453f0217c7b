"""Builds the providers of spans and numbers, with the exporters that OpenTelemetry's own variables name."""

from __future__ import annotations

import uuid
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from typing_extensions import override

from data_foundation.warehouses.settings import counts_each_export_alone, find_exporters

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

SCOPE = "data_foundation"


class _RunIds(RandomIdGenerator):
    """The ids of a run's span."""

    def __init__(self, trace_id: int, span_id: int) -> None:
        self._trace_id, self._span_id = trace_id, span_id

    @override
    def generate_trace_id(self) -> int:
        return self._trace_id

    @override
    def generate_span_id(self) -> int:
        return self._span_id

    @override
    def is_trace_id_random(self) -> bool:
        return False


@cache
def span_provider() -> TracerProvider:
    """Returns the provider of spans of this process."""
    return _build_provider(RandomIdGenerator())


def _build_provider(ids: IdGenerator) -> TracerProvider:
    # Not shut down at exit, which would wait for a receiver that does not answer: each run sends what is left.
    provider = TracerProvider(resource=_resource(), id_generator=ids, shutdown_on_exit=False)
    for processor in _processors():
        provider.add_span_processor(processor)
    return provider


@cache
def _processors() -> list[BatchSpanProcessor]:
    return [BatchSpanProcessor(exporter) for exporter in _build("traces")]


@cache
def number_provider() -> MeterProvider:
    """Returns the provider of numbers of this process."""
    # A process lives as long as a run: a receiver that expects sums since the start of one process would see a new
    # series with one value each. OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE decides otherwise.
    alone = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
    options = {"preferred_temporality": alone} if counts_each_export_alone() else {}
    readers = [PeriodicExportingMetricReader(exporter) for exporter in _build("metrics", **options)]
    return MeterProvider(readers, _resource(), shutdown_on_exit=False)


def tracer() -> Tracer:
    """Returns what opens spans."""
    return span_provider().get_tracer(SCOPE)


def run_tracer(trace_id: int, span_id: int) -> Tracer:
    """Returns what opens the span of one run, whose ids every process of the run knows."""
    return _build_provider(_RunIds(trace_id, span_id)).get_tracer(SCOPE)


def meter() -> Meter:
    """Returns what builds instruments."""
    return number_provider().get_meter(SCOPE)


def _build(signal: Literal["traces", "metrics"], **options: Any) -> list[Any]:
    """Returns the exporters of a signal, by the names under which packages register them."""
    group = f"opentelemetry_{signal}_exporter"
    return [
        registered.load()(**options)
        for name in find_exporters(signal)
        for registered in entry_points(group=group, name=name)
    ]


@cache
def _resource() -> Resource:
    """Returns the description of this process, with what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` set."""
    given = Resource.create().attributes
    ours = {"service.instance.id": str(uuid.uuid4())}
    if str(given.get("service.name", "unknown_service")).startswith("unknown_service"):
        ours["service.name"] = SCOPE
    return Resource.create({name: value for name, value in ours.items() if name == "service.name" or name not in given})
