"""A deployment of several machines, as deploy/celery/dagster.yaml describes it, whose workers lose their power."""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dagster import DagsterRunStatus

from tests.deploy.machines import ROOT, Machine
from tests.deploy.vendor import Vendor, write_project
from tests.promises.deployed import Deployment, answers
from tests.support.instances import open_instance
from tests.support.locations import Location
from tests.support.postgres_server import PASSWORD, PostgresServer, run_server
from tests.support.rest_server import serve

RAW = ("raw/events", "raw/things", "raw/totals")
LOST_AFTER, START_WITHIN = 10, 60
END_SECONDS = 110.0 * float(os.environ.get("SLOWNESS", "1"))
"""The longest time from a fault to the end of a run and the free slot."""

SECONDS = 60.0 * float(os.environ.get("MINUTES", "3"))
"""How long workers are killed."""

SEED = int(os.environ.get("SEED", "0")) or time.time_ns() % 10**6
REDIS = shutil.which("redis-server")

pytestmark = [
    pytest.mark.rare,
    pytest.mark.timeout(SECONDS + 600),
    pytest.mark.skipif(not REDIS, reason="no redis-server here; on Debian: apt-get install redis-server"),
]


@dataclass(frozen=True)
class Workers(Deployment):
    """The deployment: a machine with webserver, daemon and code server, and two workers.

    Attributes:
        workers: The workers.
        vendor: What they load from.
        server: The PostgreSQL server with history and tables.
        database: The database of the tables.
    """

    workers: tuple[Machine, ...]
    vendor: Vendor
    server: PostgresServer
    database: str

    def work(self, worker: Machine, *, keep_disk: bool = True) -> None:
        """Starts a worker."""
        worker.boot(
            ("celery", "--app", "data_foundation.orchestration.celery_workers.app", "worker", "--concurrency", "1"),
            keep_disk=keep_disk,
        )

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Returns the rows of a query of the tables."""
        return self.server.query(sql, database=self.database)

    def check_tables(self) -> None:
        """Checks each table against the vendor, which has stopped."""
        assert self.rows("SELECT count(*), count(DISTINCT id), max(id) FROM raw.events") == [(self.vendor.events,) * 3]
        assert dict(self.rows("SELECT id, version FROM raw.things")) == self.vendor.newest()  # type: ignore[arg-type]
        assert dict(self.rows("SELECT thing, events FROM raw.totals")) == self.vendor.totals()  # type: ignore[arg-type]


def free_ports(count: int) -> list[int]:
    """Returns ports that are free now."""
    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """The running deployment; its workers run too."""
    folder = tmp_path_factory.mktemp("deployment")
    redis, code, web = free_ports(3)
    vendor = Vendor()
    with ExitStack() as stack:
        server = stack.enter_context(run_server())
        api = stack.enter_context(serve())
        api.answer = vendor.answer
        broker = subprocess.Popen([str(REDIS), "--port", str(redis), "--save", ""], stdout=subprocess.DEVNULL)
        stack.callback(broker.wait)
        stack.callback(broker.terminate)
        settings = {
            **server.settings(server.create_database()),
            "WAREHOUSE": "postgres",
            "DEPLOYMENT": "production",
            "SOURCES__SHOP__URL": api.url,
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(server.port),
            "DAGSTER_POSTGRES_USER": "postgres",
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
            "DAGSTER_POSTGRES_DATABASE": server.create_database(),
            "CELERY_BROKER": f"redis://127.0.0.1:{redis}/0",
            "CELERY_BACKEND": f"redis://127.0.0.1:{redis}/1",
        }
        image = _write_image(folder / "image", code)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in settings.items():
            patch.setenv(name, value)
        instance = stack.enter_context(open_instance(image / "home"))
        machines = [
            Machine(name, folder / name, image, settings, folder / f"{name}.log") for name in ("control", "one", "two")
        ]
        control, *workers = machines
        started = Workers(
            Location(image), f"http://127.0.0.1:{web}", instance, control.log,
            tuple(workers), vendor, server, settings["POSTGRES_DATABASE"],
        )  # fmt: skip
        for machine in machines:
            stack.callback(machine.shut_down)
        control.boot(
            ("dagster", "api", "grpc", "-f", "definitions.py", "-h", "127.0.0.1", "-p", str(code)),
            ("dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(web)),
            ("dagster-daemon", "run", "-w", "workspace.yaml"),
        )
        for worker in workers:
            started.work(worker)
        started.wait(lambda: answers(started))
        yield started


def _write_image(root: Path, port: int) -> Path:
    """Writes the repository of all machines, with the settings of deploy/celery, and a shorter patience."""
    location = write_project(Location(root))
    settings = yaml.safe_load((ROOT / "deploy" / "celery" / "dagster.yaml").read_text(encoding="utf-8"))
    settings["run_launcher"]["config"]["lost_after_seconds"] = LOST_AFTER
    settings["run_monitoring"]["start_timeout_seconds"] = START_WITHIN
    location.write("home/dagster.yaml", yaml.safe_dump(settings))
    code = {"host": "127.0.0.1", "port": port, "location_name": "project"}
    location.write("workspace.yaml", yaml.safe_dump({"load_from": [{"grpc_server": code}]}))
    return root


def end(deployment: Workers, run: str) -> DagsterRunStatus:
    """Waits for the end of a run and its slot, and returns how it has ended."""
    began = time.monotonic()
    deployment.wait(lambda: deployment.run(run).is_finished or time.monotonic() - began > END_SECONDS)
    deployment.wait(lambda: run not in deployment.claimed("shop") or time.monotonic() - began > END_SECONDS)
    assert deployment.run(run).is_finished, deployment.story_of(run)
    assert run not in deployment.claimed("shop"), deployment.story_of(run)
    return deployment.run(run).status


def test_a_run_that_is_terminated_says_what_it_has_loaded(deployment: Workers) -> None:
    """Terminate reaches the worker on its machine: the run ends its loads, reports them, and the slot is free."""
    run = deployment.launch(*RAW)
    deployment.wait(lambda: "STEP_START" in deployment.log_of(run))
    deployment.terminate(run)
    assert end(deployment, run) is DagsterRunStatus.CANCELED, deployment.story_of(run)
    stopped = {key for key in RAW if f"nothing of {key.replace('/', '.')} was loaded" in deployment.story_of(run)}
    assert stopped | deployment.materialized(run) == set(RAW), deployment.story_of(run)


def test_tables_are_right_while_workers_lose_their_power(
    deployment: Workers, record_property: Callable[[str, object], None]
) -> None:
    """Whichever worker dies, with its disk or without: each run ends, its slot is free, no row is lost or doubled."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable, no secret
    until = time.monotonic() + SECONDS
    ended = dict.fromkeys(DagsterRunStatus, 0)
    while time.monotonic() < until:
        run = deployment.launch(*RAW)
        time.sleep(chance.uniform(0, 8))
        worker = chance.choice(deployment.workers)
        worker.lose_power()
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, 5))
        deployment.work(worker, keep_disk=chance.random() < 0.5)
        ended[end(deployment, run)] += 1
    deployment.vendor.stop()
    for _ in deployment.workers:
        assert end(deployment, deployment.launch(*RAW)) is DagsterRunStatus.SUCCESS
    deployment.check_tables()
    record_property(f"runs while workers lost their power, seed {SEED}", sum(ended.values()))
    assert ended[DagsterRunStatus.SUCCESS]
    assert ended[DagsterRunStatus.FAILURE]
