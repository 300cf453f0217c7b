"""Tests of alerts in Dagster: real runs, and the sensor evaluated as the daemon does."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from data_foundation.orchestration.alerts.memory import LONGEST_WAIT, MOST_WAITING, Memory
from data_foundation.orchestration.alerts.sensor import SENSOR_NAME
from data_foundation.orchestration.factory import build_definitions
from tests.support.alert_projects import DagsterRuns, open_dagster, open_project
from tests.support.receivers import SECRET, SERVICES, Receivers


@pytest.fixture
def runs(tmp_path: Path, receivers: Receivers) -> Iterator[DagsterRuns]:
    """A project with a target of each service, in Dagster."""
    with open_project(tmp_path) as project, open_dagster(project) as dagster:
        targets = [f"  {receivers.target(service, f'to-{service}')}" for service in SERVICES]
        project.write_alerts("targets:", *targets)
        yield dagster


def texts(receivers: Receivers) -> list[str]:
    """Returns all messages that the targets of `runs` received."""
    return [text for service in SERVICES for text in receivers.texts(service, f"to-{service}")]


def fail_once(runs: DagsterRuns, *names: str) -> dg.ExecuteInProcessResult:
    """Loads sources, begins to watch, and returns their second run."""
    for name in names:
        runs.project.add(name)
    assert runs.run().success
    assert runs.evaluate() == "messages sent: 0"
    runs.project.begin_second_run()
    return runs.run()


def test_a_run_of_several_failures_sends_one_message(runs: DagsterRuns, receivers: Receivers) -> None:
    """Each target receives one message; evaluated again, also by a code server that has started anew, none."""
    run = fail_once(runs, "breaks", "limited", "drifts")
    assert not run.success
    assert runs.evaluate() == "messages sent: 4"
    assert len(texts(receivers)) == len(SERVICES)
    for text in texts(receivers):
        assert all(table in text for table in ("raw.breaks failed", "raw.limited failed", "raw.drifts changed"))
        assert run.run_id[:8] in text
    assert [runs.evaluate() for _ in range(3)] == ["messages sent: 0"] * 3
    assert len(texts(receivers)) == len(SERVICES)


@pytest.mark.rare
def test_runs_before_the_first_evaluation_are_not_reported(runs: DagsterRuns, receivers: Receivers) -> None:
    """A new target receives no message about an old run."""
    runs.project.add("breaks")
    runs.project.write("dlthub/second", "")
    assert not runs.run().success
    assert runs.evaluate() == "messages sent: 0"
    assert texts(receivers) == []
    assert not runs.run().success
    assert runs.evaluate() == "messages sent: 4"


@pytest.mark.rare
def test_each_run_has_a_message_of_its_own(runs: DagsterRuns, receivers: Receivers) -> None:
    """Runs that ended between two evaluations are reported one by one, a good one among them not at all."""
    fail_once(runs, "breaks")
    assert not runs.run().success
    (runs.project.root / "dlthub" / "second").unlink()
    assert runs.run().success
    assert runs.evaluate() == "messages sent: 8"
    assert len(receivers.texts("slack", "to-slack")) == 2


def test_a_receiver_that_fails_gets_its_message_later(
    runs: DagsterRuns, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    """The run, the sensor and the other targets are not affected; the message comes once its receiver is back."""
    receivers.down.add("to-slack")
    run = fail_once(runs, "drifts")
    assert run.success
    assert runs.evaluate() == "messages sent: 3, not sent yet: 1"
    assert "no alert was sent to to-slack (slack): answered 503" in caplog.text
    assert runs.evaluate() == "messages sent: 0, not sent yet: 1"
    let_pass(runs, 61)
    assert runs.evaluate() == "messages sent: 0, not sent yet: 1"
    receivers.down.clear()
    receivers.http.requests.clear()
    assert runs.evaluate() == "messages sent: 0, not sent yet: 1"
    let_pass(runs, 200)
    assert runs.evaluate() == "messages sent: 1"
    [text] = receivers.texts("slack", "to-slack")
    assert "raw.drifts changed its columns" in text
    assert receivers.texts("teams", "to-teams") == []
    assert runs.evaluate() == "messages sent: 0"
    assert SECRET not in caplog.text + str(runs.cursor)


def let_pass(runs: DagsterRuns, seconds: float) -> None:
    """Moves what the sensor remembers into the past."""
    memory = Memory.read(runs.cursor)
    memory.waiting = [replace(one, since=one.since - seconds) for one in memory.waiting]
    memory.next_look -= seconds
    runs.cursor = memory.to_cursor()


@pytest.mark.rare
@pytest.mark.parametrize("case", ["after three days", "too many", "no target any more"])
def test_a_message_that_is_given_up_is_logged(
    runs: DagsterRuns, receivers: Receivers, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    """A message is never dropped in silence: its title is in the log of the sensor."""
    receivers.down.add("to-slack")
    fail_once(runs, "drifts")
    runs.evaluate()
    memory = Memory.read(runs.cursor)
    if case == "after three days":
        memory.waiting = [replace(one, since=time.time() - LONGEST_WAIT - 1) for one in memory.waiting]
    elif case == "too many":
        memory.waiting *= MOST_WAITING
        report(runs, "failed", key="drifts")
    else:
        runs.project.write_alerts("targets:", f"  {receivers.target('email', 'to-email')}")
    runs.cursor = memory.to_cursor()
    capfd.readouterr()
    runs.evaluate()
    logged = capfd.readouterr().err
    assert "an alert to to-slack is given up" in logged
    assert "It was: drifts: 1 changed its columns" in logged
    assert len(Memory.read(runs.cursor).waiting) == (MOST_WAITING if case == "too many" else 0)


def report(runs: DagsterRuns, status: str, tags: dict[str, str] | None = None, key: str = "breaks") -> None:
    """Records a run of a table that ended without a failed step, as the monitoring of runs does."""
    job = build_definitions(runs.project.root).resolve_implicit_global_asset_job_def()
    run = runs.instance.create_run_for_job(job, tags=tags, asset_selection=frozenset([dg.AssetKey(["raw", key])]))
    if status == "failed":
        runs.instance.report_run_failed(run, "the process of the run was killed")
    else:
        runs.instance.report_run_canceled(run)


def test_a_run_whose_process_was_killed_is_a_failure(runs: DagsterRuns, receivers: Receivers) -> None:
    """A run without a failed step is reported with the tables that it was to load."""
    runs.project.add("breaks")
    runs.evaluate()
    report(runs, "failed")
    assert runs.evaluate() == "messages sent: 4"
    assert all("raw.breaks failed" in text and "was killed" in text for text in texts(receivers))


@pytest.mark.parametrize(
    ("status", "tags"),
    [("canceled", {}), ("failed", {"dagster/will_retry": "true"})],
    ids=["canceled", "Dagster starts it again"],
)
def test_a_run_that_needs_no_message(runs: DagsterRuns, status: str, tags: dict[str, str]) -> None:
    """A run that a person ended, or that Dagster starts again, is not reported."""
    runs.project.add("breaks")
    runs.evaluate()
    report(runs, status, tags)
    assert runs.evaluate() == "messages sent: 0"


def test_an_asset_of_another_kind_is_reported_by_its_step(runs: DagsterRuns, receivers: Receivers) -> None:
    """The failure of an asset of one's own, and of its blocking check, goes to the targets of the tree."""
    runs.project.add("drifts")
    runs.evaluate()

    @dg.asset(check_specs=[dg.AssetCheckSpec("positive", asset="sales")])
    def sales() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(passed=False, description="3 rows are negative")
        raise ValueError("the disk is full")

    dg.materialize([sales], instance=runs.instance, raise_on_error=False)
    assert runs.evaluate() == "messages sent: 4"
    for text in texts(receivers):
        assert "sales failed" in text
        assert "ValueError: the disk is full" in text
        assert "sales failed a check" in text
        assert "positive: 3 rows are negative" in text


def test_a_broken_source_is_reported(runs: DagsterRuns, receivers: Receivers) -> None:
    """The asset of a broken folder fails with its errors, which are the cause."""
    runs.project.write("dlthub/bad/sources.yaml", "resources: []\n")
    runs.evaluate()
    job = build_definitions(runs.project.root).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=runs.instance, raise_on_error=False)
    assert runs.evaluate() == "messages sent: 4"
    assert all("bad failed" in text and "needs at least one resource" in text for text in texts(receivers))


def test_a_step_that_names_no_table_is_a_failure_of_its_source(
    runs: DagsterRuns, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error outside of any load fails the step: the targets of the source receive it."""

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("data_foundation.orchestration.ops.run.ingest_resources", fail)
    runs.project.add("drifts", f"alerts: {{inherit: false, targets: {{{receivers.target('webhook', 'own')}}}}}")
    runs.evaluate()
    assert not runs.run().success
    assert runs.evaluate() == "messages sent: 1"
    [text] = receivers.texts("webhook", "own")
    assert "drifts failed" in text
    assert "OSError: the disk is full" in text
    assert "Stack Trace" not in text


@pytest.mark.rare
def test_a_target_of_a_source_receives_its_events_only(runs: DagsterRuns, receivers: Receivers) -> None:
    """One run of two sources sends the tree's targets both failures, and a source's target its own."""
    alerts = f"alerts: {{inherit: false, targets: {{{receivers.target('webhook', 'own')}}}}}"
    runs.project.add("ages", alerts)
    fail_once(runs, "breaks")
    assert runs.evaluate() == "messages sent: 6"  # of the run, and of the overdue table
    assert all("raw.breaks" in text and "raw.ages" not in text for text in texts(receivers))
    assert ["raw.breaks" in text for text in receivers.texts("webhook", "own")] == [False, False]


def age(runs: DagsterRuns, hours: int) -> None:
    """Moves all attempts in the audit trail into the past."""
    with duckdb.connect(str(runs.project.root / "data" / "warehouse.duckdb")) as connection:
        shift = f"INTERVAL {hours} HOURS"
        connection.sql(f"UPDATE raw._load_audit SET started = started - {shift}, ended = ended - {shift}")


def test_an_overdue_table_is_reported_once(runs: DagsterRuns, receivers: Receivers) -> None:
    """It is reported without any run, and again only after it was loaded and is overdue once more."""
    runs.project.add("ages")
    assert runs.run().success
    runs.evaluate()
    age(runs, 2)
    assert runs.evaluate() == "messages sent: 0"  # it looks again when the next table may be overdue
    let_pass(runs, 3601)
    assert runs.evaluate() == "messages sent: 4"
    let_pass(runs, 3601)
    assert runs.evaluate() == "messages sent: 0"
    assert runs.run().success
    assert runs.evaluate() == "messages sent: 0"
    age(runs, 2)
    let_pass(runs, 3601)
    assert runs.evaluate() == "messages sent: 4"
    assert all("raw.ages is overdue" in text for text in texts(receivers))


@pytest.mark.rare
def test_events_that_cannot_be_read_are_an_event(runs: DagsterRuns, receivers: Receivers) -> None:
    """A run whose log is damaged is reported by its name, and delays no later run."""
    fail_once(runs, "drifts")
    [file] = (runs.project.root / "dagster").rglob(f"{runs.instance.get_runs(limit=1)[0].run_id}.db")
    file.write_bytes(b"no database")
    assert runs.evaluate() == "messages sent: 4"
    assert all("its events cannot be read" in text for text in texts(receivers))
    assert runs.evaluate() == "messages sent: 0"


@pytest.mark.rare
def test_an_error_of_the_storage_repeats_no_message(
    runs: DagsterRuns, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Dagster's storage fails after a message was sent, the next evaluation continues behind it."""
    fail_once(runs, "drifts")
    fetch, calls = runs.instance.fetch_run_status_changes, iter((False, False, True))

    def fail_later(*arguments: Any, **options: Any) -> Any:
        if next(calls):
            raise OSError("the disk is full")
        return fetch(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(runs.instance, "fetch_run_status_changes", fail_later)
        assert runs.evaluate() == "messages sent: 4"
    assert runs.evaluate() == "messages sent: 0"
    assert len(texts(receivers)) == len(SERVICES)


def test_the_sensor_is_on_by_default_once_a_target_is_configured(runs: DagsterRuns) -> None:
    """Without a target there is none; nor with mistakes in `alerts.yaml`, which are a broken asset then."""
    sensor = build_definitions(runs.project.root).resolve_sensor_def(SENSOR_NAME)
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    for text in ("alerts: {}", "alerts: {targets: {a: {}}}"):
        runs.project.write("dlthub/alerts.yaml", text)
        definitions = build_definitions(runs.project.root)
        dg.Definitions.validate_loadable(definitions)
        assert SENSOR_NAME not in {
            one.name for one in definitions.sensors or () if isinstance(one, dg.SensorDefinition)
        }
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    assert any("alerts" in key for key in keys)


def test_the_digest_has_a_schedule(runs: DagsterRuns, receivers: Receivers) -> None:
    """It is on by default; its job sends the digest, and fails if a receiver does not take it."""
    assert not build_definitions(runs.project.root).schedules
    target = receivers.target("webhook", "team")
    runs.project.write_alerts("digest: {cron: '0 7 * * *', timezone: Europe/Amsterdam}", "targets:", f"  {target}")
    runs.project.add("drifts")
    assert runs.run().success
    definitions = build_definitions(runs.project.root)
    schedule = definitions.resolve_schedule_def("alerts_digest_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 7 * * *", "Europe/Amsterdam")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    job = definitions.resolve_job_def("alerts_digest")
    assert job.execute_in_process(instance=runs.instance).success
    [text] = receivers.texts("webhook", "team")
    assert "Digest of 24 hours: all tables are in order" in text
    receivers.down.add("team")
    done = job.execute_in_process(instance=runs.instance, raise_on_error=False)
    assert not done.success


@pytest.mark.rare
def test_the_memory_survives_as_text(runs: DagsterRuns, receivers: Receivers) -> None:
    """What the sensor remembers is JSON, and the same after it was stored and read."""
    receivers.down.add("to-slack")
    fail_once(runs, "drifts")
    runs.evaluate()
    assert runs.cursor
    assert Memory.read(runs.cursor).to_cursor() == runs.cursor
    assert json.loads(runs.cursor)["waiting"][0]["receiver"] == "to-slack"
