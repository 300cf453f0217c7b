"""Runs of a real deployment that are stopped or killed: they end and free their slot, and the next run is right."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.loading.lock import hold
from tests.promises.deployed import Deployment, deploy
from tests.support.locations import Location

SECONDS = 30.0
"""The longest time until a run has ended and its slot is free."""

DATA = """
import time
from pathlib import Path

from data_foundation.warehouses.one_load import OneTransaction

HERE = Path(__file__).parent
COMMIT = OneTransaction.commit


def wait(place, seconds=60):
    (HERE / f"at_{place}").touch()
    until = time.monotonic() + seconds
    while (HERE / place).exists() and time.monotonic() < until:
        time.sleep(0.02)


def commit(transaction):
    transaction.before_commit()
    if (HERE / "commit").exists():
        wait("commit", seconds=3)
    COMMIT(transaction)


OneTransaction.commit = commit


def get_first():
    if (HERE / "blocked").exists():
        wait("blocked")
    yield [{"id": 1}]
    while (HERE / "extracting").exists():
        (HERE / "at_extracting").touch()
        time.sleep(0.05)
        yield [{"id": 2}]


def get_second():
    while (HERE / "between").exists():
        (HERE / "at_between").touch()
        time.sleep(0.05)
        yield [{"id": 2}]
    yield [{"id": 1}]
"""
YAML = """
source: {max_concurrency: 1}
resources:
  - {entry: data.get_first, destination: raw.first}
  - {entry: data.get_second, destination: raw.second}
"""
PLACES = ("waiting", "extracting", "blocked", "commit", "between")


@dataclass(frozen=True)
class Way:
    """A way in which a run is stopped.

    Attributes:
        stop: Stops the run.
        status: How the run ends.
        is_killed: True if the process of the run has no chance to end its loads.
        ends_deployment: True if all processes of Dagster end too.
    """

    stop: Callable[[Deployment, str], None]
    status: dg.DagsterRunStatus
    is_killed: bool = False
    ends_deployment: bool = False


def _signal(number: signal.Signals) -> Callable[[Deployment, str], None]:
    return lambda deployment, run: os.kill(deployment.process_of(run), number)


WAYS = {
    "terminate": Way(lambda deployment, run: deployment.terminate(run), dg.DagsterRunStatus.CANCELED),
    "sigterm": Way(_signal(signal.SIGTERM), dg.DagsterRunStatus.FAILURE),
    "kill": Way(_signal(signal.SIGKILL), dg.DagsterRunStatus.FAILURE, is_killed=True),
    "ctrl-c": Way(
        lambda deployment, _: os.killpg(deployment.process.pid, signal.SIGINT),
        dg.DagsterRunStatus.FAILURE,
        ends_deployment=True,
    ),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment for all cases that leave it running."""
    root = tmp_path_factory.mktemp("stops")
    with deploy(_location(root)) as deployed:
        yield deployed


def _location(root: Path) -> Location:
    location = Location(root)
    location.add("shop", YAML, DATA)
    return location


@pytest.mark.rare
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", [name for name in WAYS if not WAYS[name].ends_deployment])
def test_a_stopped_run_ends(shared: Deployment, way: str, place: str) -> None:
    """Within 30 seconds the run has ended and its slot is free; the next run starts, and the tables are right."""
    _stop_and_run_again(shared, way, place)


@pytest.mark.rare
@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_on_dev_ends_its_runs(tmp_path: Path, place: str) -> None:
    """After one Ctrl-C on `dagster dev` the run has ended; started again, Dagster runs the next one."""
    location = _location(tmp_path)
    with deploy(location) as before:
        run, rows = _stop(before, "ctrl-c", place)
        before.process.wait(SECONDS)
        _check_end(before, run, "ctrl-c", place, rows)
    with deploy(location) as after:
        _run_again(after)


@pytest.mark.rare
@pytest.mark.parametrize("place", ["blocked", "commit"])
def test_a_run_that_was_killed_with_all_of_dagster_is_failed_after_a_restart(tmp_path: Path, place: str) -> None:
    """After a reboot, the run whose process is gone is failed and its slot is free; the next run is right."""
    location = _location(tmp_path)
    with deploy(location) as before, _reached(before, place) as run:
        os.killpg(before.process.pid, signal.SIGKILL)
        assert before.run(run).status is dg.DagsterRunStatus.STARTED
    with deploy(location) as after:
        started = time.monotonic()
        after.wait(lambda: not after.claimed("shop") or time.monotonic() - started > SECONDS)
        assert after.run(run).status is dg.DagsterRunStatus.FAILURE, after.story_of(run)
        assert after.claimed("shop") == set()
        _run_again(after)


def _stop_and_run_again(deployment: Deployment, way: str, place: str) -> None:
    run, rows = _stop(deployment, way, place)
    _check_end(deployment, run, way, place, rows)
    _run_again(deployment)


def _stop(deployment: Deployment, way: str, place: str) -> tuple[str, dict[str, int]]:
    """Stops a run at a place, and waits for its end; returns its id, and the rows of the tables before it."""
    _work_folder(deployment)
    rows = _rows(deployment)
    with _reached(deployment, place) as run:
        stopped = time.monotonic()
        WAYS[way].stop(deployment, run)
        deployment.wait(lambda: deployment.run(run).is_finished or time.monotonic() - stopped > SECONDS)
        assert deployment.run(run).status is WAYS[way].status, deployment.story_of(run)
        deployment.wait(lambda: not deployment.claimed("shop") or time.monotonic() - stopped > SECONDS)
        assert deployment.claimed("shop") == set()
    return run, rows


@contextmanager
def _reached(deployment: Deployment, place: str) -> Iterator[str]:
    """Yields the id of a run that has come to a place, where it stays until the block ends."""
    folder = deployment.location.root / "dlthub" / "shop"
    for file in folder.glob("at_*"):
        file.unlink()
    (folder / place).touch()
    with _held(deployment) if place == "waiting" else ExitStack():
        run = deployment.launch("raw/first", "raw/second")
        reached = folder / f"at_{place}"
        deployment.wait(
            lambda: "waiting for run other" in deployment.story_of(run) if place == "waiting" else reached.exists()
        )
        yield run
    (folder / place).unlink()


@contextmanager
def _held(deployment: Deployment) -> Iterator[None]:
    """Holds the first table, as a run of another process does."""
    with hold(_work_folder(deployment), "raw-first", "other", print):
        yield


def _work_folder(deployment: Deployment) -> Path:
    """Returns the folder of the locks, which the first run creates."""
    pipelines = deployment.location.root / "data" / "pipelines"
    if not pipelines.exists():
        deployment.ended(deployment.launch("raw/first", "raw/second"))
    [folder] = pipelines.glob("duckdb_*")
    return folder


def _check_end(deployment: Deployment, run: str, way: str, place: str, before: dict[str, int]) -> None:
    """Checks that the event log of a stopped run says what the tables hold."""
    if WAYS[way].is_killed:
        return
    landed = {key.removeprefix("raw/") for key in deployment.materialized(run)}
    assert landed == ({"first"} if place in {"commit", "between"} else set()), deployment.story_of(run)
    expected = {table: before[table] + (table in landed) for table in ("first", "second")}
    assert _rows(deployment) == expected
    for table in {"first", "second"} - landed:
        message = f"stopped: nothing of raw.{table} was loaded, the next run reads it again"
        assert message in deployment.story_of(run)


def _run_again(deployment: Deployment) -> None:
    """Runs both tables, and checks that nothing is lost and nothing is there twice."""
    stopped = _rows(deployment)
    again = deployment.launch("raw/first", "raw/second")
    assert deployment.ended(again).status is dg.DagsterRunStatus.SUCCESS, deployment.story_of(again)
    assert _rows(deployment) == {table: stopped[table] + 1 for table in stopped}


def _rows(deployment: Deployment) -> dict[str, int]:
    """Returns the number of rows of each table, 0 if there is none."""
    if not (deployment.location.root / "data" / "warehouse.duckdb").exists():
        return {"first": 0, "second": 0}
    listed = deployment.location.query("select table_name from information_schema.tables where table_schema = 'raw'")
    return {
        table: deployment.location.query(f"select count(*) from raw.{table}")[0][0] if (table,) in listed else 0
        for table in ("first", "second")
    }
