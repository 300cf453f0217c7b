"""A receiver of OTLP, over HTTP and over gRPC, that keeps what it receives."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typing_extensions import override


@dataclass
class OtlpReceiver:
    """What has arrived.

    Attributes:
        url: Address of the receiver.
        bodies: Every request, as it came.
        headers: The headers of the last request over HTTP.
    """

    url: str
    bodies: list[bytes] = field(default_factory=list)
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def spans(self) -> list[Span]:
        """Every span that has arrived."""
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Span]:
        """Returns the spans with a name."""
        return [span for span in self.spans if span.name == name]

    def path(self, span: Span) -> list[str]:
        """Returns the names from the root of the trace to a span."""
        by_id = {one.span_id: one for one in self.spans if one.trace_id == span.trace_id}
        parent = by_id.get(span.parent_span_id)
        return [*(self.path(parent) if parent else []), span.name]

    def processes(self) -> set[str]:
        """Returns the ids of the processes that have sent spans."""
        resources = [one.resource for request in self.traces for one in request.resource_spans]
        return {attributes(resource)["service.instance.id"] for resource in resources}

    def points(self) -> dict[str, list[tuple[Any, dict[str, Any]]]]:
        """Returns by the name of a metric its points: value, or sum of a histogram, and attributes."""
        found: dict[str, list[tuple[Any, dict[str, Any]]]] = {}
        for metric in (
            metric
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ):
            data = getattr(metric, metric.WhichOneof("data"))
            found.setdefault(metric.name, []).extend((_value(point), attributes(point)) for point in data.data_points)
        return found


def attributes(holder: Any) -> dict[str, Any]:
    """Returns the attributes of a span, a point or a resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


def _value(point: Any) -> Any:
    return getattr(point, point.WhichOneof("value")) if hasattr(point, "as_int") else point.sum


@contextmanager
def receive_http(*, status: int = 200) -> Iterator[OtlpReceiver]:
    """Receives over HTTP until the block ends.

    Args:
        status: The status of every response.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            receiver.bodies.append(body)
            receiver.headers = dict(self.headers)
            if self.path == "/v1/traces":
                receiver.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                assert self.path == "/v1/metrics"
                receiver.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(status)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = OtlpReceiver(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def receive_grpc() -> Iterator[OtlpReceiver]:
    """Receives spans over gRPC until the block ends."""

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        @override
        def Export(self, request: ExportTraceServiceRequest, _context: Any) -> ExportTraceServiceResponse:
            receiver.bodies.append(request.SerializeToString())
            receiver.traces.append(request)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call] # generated
    receiver = OtlpReceiver(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None)
