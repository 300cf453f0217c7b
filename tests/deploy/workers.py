"""A deployment of three machines, as deploy/celery/dagster.yaml describes it: two of them are workers."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dagster import DagsterRunStatus

from tests.deploy.machines import ROOT, Machine
from tests.deploy.vendor import Vendor
from tests.promises.deployed import Deployment, answers
from tests.support.instances import open_instance
from tests.support.locations import Location
from tests.support.postgres_server import PASSWORD, PostgresServer, run_server
from tests.support.rest_server import serve

LOST_AFTER, START_WITHIN = 10, 60
END_SECONDS = 110.0 * float(os.environ.get("SLOWNESS", "1"))
"""The longest time from a fault to the end of a run and the free slot."""

REDIS = shutil.which("redis-server")


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

    def end(self, run: str) -> DagsterRunStatus:
        """Waits for the end of a run and its slot, and returns how it has ended."""
        began = time.monotonic()
        self.wait(lambda: self.run(run).is_finished or time.monotonic() - began > END_SECONDS)
        self.wait(lambda: run not in self.claimed("shop") or time.monotonic() - began > END_SECONDS)
        assert self.run(run).is_finished, self.story_of(run)
        assert run not in self.claimed("shop"), self.story_of(run)
        return self.run(run).status

    def check_tables(self) -> None:
        """Checks each table against the vendor, which has stopped."""
        assert self.rows("SELECT count(*), count(DISTINCT id), max(id) FROM raw.events") == [(self.vendor.events,) * 3]
        assert dict(self.rows("SELECT id, version FROM raw.things")) == self.vendor.newest()  # type: ignore[arg-type]
        assert dict(self.rows("SELECT thing, events FROM raw.totals")) == self.vendor.totals()  # type: ignore[arg-type]


def free_ports(count: int) -> list[int]:
    """Returns ports that are free now."""
    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@contextmanager
def run_workers(
    folder: Path, write_project: Callable[[Location], Location], further: Mapping[str, str] | None = None
) -> Iterator[Workers]:
    """Runs the deployment, with its workers, until the block ends.

    Args:
        folder: A folder for the disks of the machines.
        write_project: Writes the project that each machine has.
        further: Further settings of each machine.
    """
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
            **(further or {}),
        }
        image = _write_image(write_project(Location(folder / "image")), code)
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


def _write_image(location: Location, port: int) -> Path:
    """Adds the settings of deploy/celery, with a shorter patience, to the project of all machines."""
    settings = yaml.safe_load((ROOT / "deploy" / "celery" / "dagster.yaml").read_text(encoding="utf-8"))
    settings["run_launcher"]["config"]["lost_after_seconds"] = LOST_AFTER
    settings["run_monitoring"]["start_timeout_seconds"] = START_WITHIN
    location.write("home/dagster.yaml", yaml.safe_dump(settings))
    code = {"host": "127.0.0.1", "port": port, "location_name": "project"}
    location.write("workspace.yaml", yaml.safe_dump({"load_from": [{"grpc_server": code}]}))
    return location.root
