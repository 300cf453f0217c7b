"""A load whose process was killed is in the audit trail, once, also if its machine never comes back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.loading.attempts import load_resource
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.history.killed_loads import SENSOR_NAME
from data_foundation.project.source import load_source_config
from data_foundation.warehouses.settings import build_warehouse
from tests.support.instances import open_instance
from tests.support.locations import COMPOSITION, Location

DIES = """
import os
import signal
from pathlib import Path


def get_rows():
    yield [{"id": 1}]
    if not Path("saved").exists():
        os.kill(os.getpid(), signal.SIGKILL)
"""
EXECUTED = """
import dagster as dg
from definitions import defs

job = defs.resolve_implicit_global_asset_job_def()
job.execute_in_process(instance=dg.DagsterInstance.get(), raise_on_error=False)
"""
ROWS = "SELECT asset, status, run_id FROM raw._load_audit ORDER BY started"


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Location, dg.DagsterInstance, str]]:
    """Yields a project, Dagster, and the id of a run that landed one table and whose process died in the next one."""
    location = Location(tmp_path)
    location.add("airports")
    location.add("boats", data=DIES)
    location.write("definitions.py", COMPOSITION)
    home = location.write("home/dagster.yaml", "telemetry: {enabled: false}\n").parent
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", EXECUTED], env=environment, check=False).returncode == -9
    with open_instance(home) as instance:
        [run] = instance.get_runs()
        # As the monitoring of runs does, once the worker is gone.
        instance.report_run_failed(run, "the worker is gone")
        yield location, instance, run.run_id


def evaluate(location: Location, instance: dg.DagsterInstance, run_id: str) -> None:
    """Evaluates the sensor for the failed run, as the daemon does."""
    sensor = build_definitions(location.root).resolve_sensor_def(SENSOR_NAME)
    run = instance.get_run_by_id(run_id)
    assert run
    [failure] = instance.all_logs(run_id, dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event
    context = dg.build_run_status_sensor_context(SENSOR_NAME, failure.dagster_event, instance, run)
    sensor(context.for_run_failure())


def test_another_machine_records_the_load_as_killed(killed: tuple[Location, dg.DagsterInstance, str]) -> None:
    """The disk is gone: the table that landed is one row, the one in which the process died is killed, once."""
    location, instance, run_id = killed
    shutil.rmtree(location.root / "data" / "pipelines")
    for _ in range(2):
        evaluate(location, instance, run_id)
    assert location.query(ROWS) == [("raw.airports", "loaded", run_id), ("raw.boats", "killed", run_id)]


@pytest.mark.parametrize("first", ["sensor", "machine"])
def test_a_machine_that_comes_back_records_it_no_second_time(
    first: str, killed: tuple[Location, dg.DagsterInstance, str]
) -> None:
    """The next load on the machine itself notices the killed one too: it is one row, whoever is first."""
    location, instance, run_id = killed
    if first == "sensor":
        evaluate(location, instance, run_id)
    location.write("saved", "")
    source = load_source_config(location.root / "dlthub" / "boats")
    load_resource(Task(source, source.resources[0], LoadOptions(run_id="next")), build_warehouse(location.root))
    if first == "machine":
        evaluate(location, instance, run_id)
    assert location.query(ROWS)[1:] == [("raw.boats", "killed", run_id), ("raw.boats", "loaded", "next")]
