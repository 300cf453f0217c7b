"""Spans and numbers of OpenTelemetry, as a receiver of OTLP gets them from real processes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from data_foundation.loading.telemetry.metrics import find_lag
from data_foundation.warehouses.settings import find_exporters
from tests.support.locations import COMPOSITION, Location
from tests.support.otlp_receiver import attributes, receive_grpc, receive_http

BIN = Path(sys.executable).parent
SECRET = "Zq7vYk2mW9xPbN4t"
ROWS = """
def get_rows():
    yield [{"id": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2, "at": "2024-01-02T00:00:00Z"}]


def get_nothing():
    raise ValueError("https://vendor.example/?token=Zq7vYk2mW9xPbN4t answered 500")
    yield
"""
SHOP = """
resources:
  - {entry: data.get_rows, destination: raw.orders, write_disposition: append, incremental: {cursor_path: at}}
  - {entry: data.get_nothing, destination: raw.broken}
"""


@pytest.fixture
def location(tmp_path: Path) -> Location:
    """Returns a project of two sources, one of whose tables cannot be read."""
    location = Location(tmp_path)
    location.add("shop", SHOP, ROWS)
    location.add("stock")
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", "telemetry: {enabled: false}\n")
    return location


def run(location: Location, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of this environment in the project, with nothing but `settings` of OpenTelemetry."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = {**ours, "DAGSTER_HOME": str(location.root / "home"), **settings}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=location.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def described(spans: list[Span]) -> set[tuple[str, Any]]:
    """Returns table and row count of spans of tables."""
    return {(attributes(span)["table.name"], attributes(span).get("rows")) for span in spans}


def test_a_run_is_one_trace_from_run_to_phase_with_numbers_and_without_secrets(location: Location) -> None:
    """`foundation run` sends run, sources, tables and phases as one trace, and rows, bytes, seconds, lag, failures."""
    with receive_http() as received:
        ended = run(location, "foundation", "run", OTEL_EXPORTER_OTLP_ENDPOINT=received.url)
    assert ended.returncode == 1, ended.stderr
    assert len({span.trace_id for span in received.spans}) == 1
    assert [received.path(span) for span in received.named("extract")] == [["run", "source", "table", "extract"]] * 3
    assert {span.name for span in received.spans} >= {"sync", "extract", "normalize", "load"}
    tables = received.named("table")
    assert described(tables) == {("raw.orders", 2), ("raw.stock", 2), ("raw.broken", None)}
    [broken] = [span for span in tables if attributes(span)["table.name"] == "raw.broken"]
    assert broken.status.code == Status.STATUS_CODE_ERROR
    assert "answered 500" in broken.status.message
    assert attributes(broken)["error.type"] == "LoadError"
    [run_span] = received.named("run")
    assert run_span.status.code == Status.STATUS_CODE_ERROR
    points = received.points()
    assert {labels["table.name"]: rows for rows, labels in points["data_foundation.load.rows"]} == {
        "raw.orders": 2,
        "raw.stock": 2,
    }
    assert {labels["table.name"]: failures for failures, labels in points["data_foundation.load.failures"]} == {
        "raw.broken": 1
    }
    [(lag, _)] = points["data_foundation.load.lag"]
    assert 0 < time.time() - lag - 1704153600 < 60
    assert all(size > 0 for size, _ in points["data_foundation.load.bytes"])
    assert {labels["status"] for _, labels in points["data_foundation.load.duration"]} == {"loaded", "failed"}
    assert not any(SECRET.encode() in body for body in received.bodies)


def test_the_span_that_causes_a_run_is_its_parent_over_grpc_too(location: Location) -> None:
    """TRACEPARENT makes a run part of the trace of a pipeline of CI; OTEL_EXPORTER_OTLP_PROTOCOL chooses gRPC."""
    caused_by = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    settings = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_METRICS_EXPORTER": "none", "TRACEPARENT": caused_by}
    with receive_grpc() as received:
        run(location, "foundation", "run", "stock", OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **settings)
    assert {span.trace_id.hex() for span in received.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    [run_span] = received.named("run")
    assert run_span.parent_span_id.hex() == "b7ad6b7169203331"
    [table] = received.named("table")
    assert received.path(table) == ["run", "source", "table"]


@pytest.mark.rare
@pytest.mark.parametrize("executor", ["side_by_side", "multiprocess"])
def test_the_processes_of_a_run_in_dagster_add_to_one_trace(executor: str, location: Location) -> None:
    """Steps in processes of their own are below the span of the run, whose trace is found by Dagster's run id."""
    with receive_http() as received:
        ended = run(
            location,
            "dagster",
            *("asset", "materialize", "--select", "raw/stock,raw/orders", "-f", "definitions.py"),
            OTEL_EXPORTER_OTLP_ENDPOINT=received.url,
            EXECUTOR=executor,
        )
    assert ended.returncode == 0, ended.stderr[-3000:]
    [run_span] = received.named("run")
    assert run_span.trace_id.hex() == attributes(run_span)["run.id"].replace("-", "")
    assert [received.path(table) for table in received.named("table")] == [["run", "source", "table"]] * 2
    assert len(received.processes()) == (1 if executor == "side_by_side" else 3)
    assert described(received.named("table")) == {("raw.orders", 2), ("raw.stock", 2)}


SENT = """
import time
from pathlib import Path
from data_foundation.loading.telemetry import observers
from data_foundation.local.run import run_sources
with observers.observing_run("a", "waits"):
    [result] = run_sources("stock", root=Path.cwd())
    ended = time.monotonic()
print(result.rows, time.monotonic() - ended)
"""


@pytest.mark.rare
@pytest.mark.parametrize("fault", ["refuses", "does not answer"])
def test_a_receiver_that_fails_fails_no_load_and_delays_its_end_by_seconds(fault: str, location: Location) -> None:
    """The load lands, and the end of its run waits at most five seconds; OpenTelemetry itself waits ten and more."""
    with receive_http(status=503) as received, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = received.url if fault == "refuses" else f"http://127.0.0.1:{silent.getsockname()[1]}"
        ended = run(location, "python", "-c", SENT, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert ended.returncode == 0, ended.stderr
    rows, seconds = ended.stdout.split()
    assert rows == "2"
    assert float(seconds) < 8


IMPORTED = """
import sys
from pathlib import Path
from data_foundation.local.run import run_sources
[result] = run_sources("stock", root=Path.cwd())
assert result.rows == 2, result
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "openlineage"))])
"""


def test_what_is_off_is_not_imported(location: Location) -> None:
    """Without an endpoint or an exporter a load imports neither OpenTelemetry's SDK nor OpenLineage."""
    ended = run(location, "python", "-c", IMPORTED, OTEL_SERVICE_NAME="x")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[]"


OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:9"}
SWITCHES: list[tuple[dict[str, str], list[str]]] = [
    ({}, []),
    ({"OTEL_SERVICE_NAME": "x"}, []),
    ({**OTLP, "OTEL_SDK_DISABLED": "true"}, []),
    ({**OTLP, "OTEL_TRACES_EXPORTER": "none"}, []),
    ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:9"}, []),
    (OTLP, ["otlp_proto_http"]),
    ({**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
    ({**OTLP, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
    ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["console", "otlp_proto_http"]),
]


@pytest.mark.parametrize(("settings", "exporters"), SWITCHES, ids=range(len(SWITCHES)))
def test_opentelemetrys_variables_choose_the_exporters(
    settings: dict[str, str], exporters: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint or an exporter switches a signal on; a service's name alone does not."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert list(find_exporters("traces")) == exporters


@pytest.mark.parametrize(
    ("value", "has_lag"),
    [
        ("2024-01-02T00:00:00Z", True),
        ("2024-01-02", True),
        (20240102, False),
        ("20240102", False),
        ("x", False),
        (None, False),
    ],
)
def test_the_lag_of_a_cursor_is_that_of_a_moment(value: Any, *, has_lag: bool) -> None:
    """Numbers and texts that are no moments have no lag."""
    assert (find_lag(value) is not None) is has_lag
