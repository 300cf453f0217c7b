"""Concurrent processes: they take turns with one DuckDB file, and a source's pool applies across runs."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.dbt.command import build_models
from data_foundation.warehouses.duckdb import warehouse as module
from data_foundation.warehouses.settings import build_warehouse
from tests.promises.deployed import Deployment
from tests.support.locations import COMPOSITION, Location, failure

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SOURCES = ("north", "south", "west")
TABLES = [f"{source}_{number}" for source in SOURCES for number in range(2)]
DATA = '''
import os
import time
from pathlib import Path

SOURCES = Path(__file__).parents[1]


def get_rows():
    """Yields a thousand rows once the entries of three processes have started."""
    (Path(__file__).parent / f"{os.getpid()}.process").touch()
    deadline = time.monotonic() + 60
    while len(list(SOURCES.glob("*/*.process"))) < 3:
        assert time.monotonic() < deadline, "the other sources are not read at the same time"
        time.sleep(0.05)
    yield [{"id": number} for number in range(1000)]
'''


def add_three(location: Location) -> None:
    """Writes three sources of two tables, a dbt project that reads one of them, and definitions.py."""
    for source in SOURCES:
        names = [name for name in TABLES if name.startswith(source)]
        lines = [f"  - {{entry: data.get_rows, destination: raw.{name}, write_disposition: append}}" for name in names]
        location.add(source, "\n".join(["resources:", *lines]), DATA)
    location.write("definitions.py", COMPOSITION)
    location.write("dbt_project/dbt_project.yml", "name: shop\nprofile: data_foundation\nmodel-paths: [models]\n")
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    location.write("dbt_project/models/raw.yml", "sources: [{name: raw, tables: [{name: north_0}]}]\n")
    model = "{{ config(materialized='table') }}\nselect count(*) as n from {{ source('raw', 'north_0') }}\n"
    location.write("dbt_project/models/counted.sql", model)


def materialize(location: Location) -> subprocess.Popen[bytes]:
    """Starts a Dagster run of all assets with one process per op; its output is in run.log."""
    location.write("home/dagster.yaml", "telemetry: {enabled: false}")
    environment = {**os.environ, "DAGSTER_HOME": str(location.root / "home"), "PYTHONPATH": str(ROOT)}
    config = json.dumps({"execution": {"config": {"multiprocess": {"max_concurrent": 3}}}})
    command = [str(BIN / "dagster"), "asset", "materialize", "-f", "definitions.py", "--select", "*"]
    with location.write("run.log", "").open("wb") as log:
        return subprocess.Popen(
            [*command, "--config-json", config], cwd=location.root, env=environment, stdout=log, stderr=log
        )


@pytest.mark.rare
def test_op_processes_and_dbt_share_the_file(location: Location) -> None:
    """Three sources load in three processes while dbt builds repeatedly: all succeed, and all rows land."""
    add_three(location)
    warehouse = build_warehouse(location.root)
    with warehouse.query() as query:
        query("create schema raw")
        query("create table raw.north_0 (id bigint, _dlt_load_id text not null, _dlt_id text not null)")
    run, models = materialize(location), []
    while run.poll() is None:
        models += build_models(location.root, warehouse)
        time.sleep(2)  # a dbt process started again at once would never release the file
    log = (location.root / "run.log").read_text()
    assert run.returncode == 0, log[-6000:]
    assert len(models) > 1
    assert {(model.name, model.message) for model in models if not model.succeeded} == set()
    assert not re.search("set lock|Conflict|Busy", log), log[-6000:]
    assert len(list(location.root.glob("dlthub/*/*.process"))) == 3
    assert location.query(" union all ".join(f"select count(*) from raw.{name}" for name in TABLES)) == [(1000,)] * 6


@pytest.mark.parametrize("mode", ["read_only=False", "read_only=True"])
def test_a_run_names_the_client_that_holds_the_file(
    location: Location, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """The error names the process of a foreign client, also of a read-only one, and a remedy."""
    monkeypatch.setattr(module, "FOREIGN_WAIT_SECONDS", 0.3)
    location.add("shop")
    assert location.materialize().success
    opened = f"c = duckdb.connect('data/warehouse.duckdb', {mode})"
    command = [sys.executable, "-c", f"import duckdb, time; {opened}; print('open', flush=True); time.sleep(60)"]
    with subprocess.Popen(command, cwd=location.root, stdout=subprocess.PIPE) as client:
        assert client.stdout
        client.stdout.readline()
        error = failure(location.materialize())
        client.kill()
    program = Path(sys.executable).resolve()
    assert f"warehouse.duckdb is held by another client, {program} (PID {client.pid}): close it (one that only" in error
    assert "then run again" in error
    assert location.materialize().success


@pytest.mark.xdist_group("deployment")
@pytest.mark.rare
def test_a_pool_holds_across_runs(deployment: Deployment) -> None:
    """With deploy/dagster.yaml a second run of a source is queued, and a run of another source is not."""
    location = deployment.location
    gate = location.write("dlthub/north/north.waits", "")
    read = gate.with_name("read.txt")
    first = deployment.launch("raw/north", "raw/north__lines")
    deployment.wait(read.exists)
    second = deployment.launch("raw/north", "raw/north__lines")
    other = deployment.launch("raw/south", "raw/south__lines")
    assert deployment.ended(other).is_success
    time.sleep(2)  # two more iterations of the queue
    assert deployment.run(first).status is dg.DagsterRunStatus.STARTED
    assert deployment.run(second).status is dg.DagsterRunStatus.QUEUED
    assert read.read_text().split() == ["north"]
    gate.unlink()
    assert deployment.ended(second).is_success
    [ended], [started] = (deployment.events(first, dg.DagsterEventType.STEP_SUCCESS),
                        deployment.events(second, dg.DagsterEventType.STEP_START))  # fmt: skip
    assert ended.timestamp < started.timestamp
    assert location.query("select count(*) from raw.north union all select count(*) from raw.south") == [(4,), (2,)]
