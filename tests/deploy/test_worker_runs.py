"""What a run does besides loading, on workers without a shared disk: dbt models, spans, alerts."""

import uuid
from collections.abc import Iterator

import pytest
from dagster import DagsterRunStatus

from tests.deploy.workers import REDIS, Workers, run_workers
from tests.support.dbt_projects import write_dbt_project
from tests.support.locations import Location
from tests.support.otlp_receiver import OtlpReceiver, receive_http
from tests.support.receivers import SECRET, Receivers, serve_receivers

RAW = ("raw/orders", "raw/doubles")
MODELS = ("staging/stg_orders", "marts/zz_paid")
BROKEN = 'def get_rows():\n    yield [{"id": 1}]\n    raise ValueError("the vendor hung up")\n'

pytestmark = [
    pytest.mark.rare,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not REDIS, reason="no redis-server here; on Debian: apt-get install redis-server"),
]


@pytest.fixture(scope="module")
def spans() -> Iterator[OtlpReceiver]:
    """A receiver of OpenTelemetry."""
    with receive_http() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """Receivers of alerts."""
    with serve_receivers(tmp_path_factory.mktemp("receivers")) as receivers:
        receivers.http.answer = receivers.accept
        yield receivers


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, spans: OtlpReceiver, receivers: Receivers
) -> Iterator[Workers]:
    """The deployment, with models and a source that fails."""

    def write_project(location: Location) -> Location:
        write_dbt_project(location)
        location.add("broken", data=BROKEN)
        alerts = f"alerts:\n  targets: {{{receivers.target('webhook', 'team')}}}\n"
        location.write("dlthub/alerts.yaml", alerts)
        return location

    further = {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "HOOKS": f"{receivers.http.url}/{SECRET}"}
    with run_workers(tmp_path_factory.mktemp("deployment"), write_project, further) as started:
        yield started


def test_models_are_built_and_one_trace_is_sent(deployment: Workers, spans: OtlpReceiver) -> None:
    """A run on a worker loads tables and builds their models there, and its spans are one trace, found by its id."""
    run = deployment.launch(*RAW, *MODELS)
    assert deployment.end(run) is DagsterRunStatus.SUCCESS, deployment.story_of(run)
    assert deployment.materialized(run) >= {*RAW, *MODELS}
    rows = deployment.rows("SELECT order_id, amount, paid FROM marts.zz_paid ORDER BY order_id")
    assert [tuple(map(float, row)) for row in rows] == [(1, 2.5, 5), (2, 4, 8)]  # type: ignore[arg-type]
    sent = [span for span in spans.spans if span.trace_id == uuid.UUID(run).bytes]
    loads = [spans.path(span) for span in sent if span.name == "load"]
    assert loads == [["run", "source", "table", "load"]] * len(RAW)


def test_a_run_that_fails_on_a_worker_is_reported(deployment: Workers, receivers: Receivers) -> None:
    """The daemon, on another machine than the run, sends its alert, with the table and the cause."""
    run = deployment.launch("raw/broken")
    assert deployment.end(run) is DagsterRunStatus.FAILURE
    deployment.wait(lambda: receivers.texts("webhook", "team"))
    [text] = receivers.texts("webhook", "team")
    assert "raw.broken failed" in text
    assert "the vendor hung up" in text
