"""Runs of a real deployment that are stopped or killed: they end and free their slot, and the next run is right."""

import os
import time
from collections.abc import Iterator

import pytest
from dagster import DagsterRunStatus

from tests.dagster.faults import FAULTS, IMPOSSIBLE, Fault
from tests.dagster.project import MODEL, PHASES, RAW, TABLES, reached, read_model, read_rows, write_project
from tests.dagster.services import APART, Services, is_running, open_services

SECONDS = 30.0 * float(os.environ.get("SLOWNESS", "1"))
"""The longest time until a run has ended and its slot is free; SLOWNESS lengthens it on a machine with other load."""

LANDED = {"commit": {"raw/first"}, "between": {"raw/first"}, "dbt": set(RAW)}
"""What a run has materialised that is stopped in a phase; nothing in the others."""

CASES = [
    pytest.param(fault, phase, id=f"{fault}, {phase}")
    for fault in FAULTS
    for phase in PHASES
    if (fault, phase) not in IMPOSSIBLE
]


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A deployment of separate services."""
    with open_services(write_project(tmp_path_factory.mktemp("apart"))) as services:
        yield services


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The deployment of `dagster dev`."""
    with open_services(write_project(tmp_path_factory.mktemp("dev")), ["dev"]) as services:
        yield services


@pytest.mark.rare
@pytest.mark.parametrize(("fault", "phase"), CASES)
def test_a_run_ends_whatever_happens(request: pytest.FixtureRequest, fault: str, phase: str) -> None:
    """Within 30 seconds the run has ended and its slot is free; the next run starts, and the tables are right."""
    services = request.getfixturevalue("dev" if FAULTS[fault].is_dev else "apart")
    check_end(services, FAULTS[fault], phase)


@pytest.mark.rare
@pytest.mark.parametrize("phase", ["extracting", "blocked", "commit", "dbt"])
@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_a_run_of_another_executor_ends(tmp_path_factory: pytest.TempPathFactory, executor: str, phase: str) -> None:
    """The same holds for Terminate, SIGTERM and kill with an executor of Dagster, but for a kill of `multiprocess`."""
    root = tmp_path_factory.mktemp(executor)
    with open_services(write_project(root), APART, EXECUTOR=executor) as services:
        faults = ["terminate", "SIGTERM to the run"]
        # The process of a step of `multiprocess` outlives its run, and ends its load.
        for fault in faults if executor == "multiprocess" else [*faults, "kill -9 of the run"]:
            check_end(services, FAULTS[fault], phase)


def check_end(services: Services, fault: Fault, phase: str) -> None:
    """Strikes a run in a phase, and checks its end, its slot, the tables, and the next run."""
    before = read_rows(services)
    with reached(services, phase) as (run, release):
        struck = time.monotonic()
        fault.strike(services, run)
        status = fault.of_queued if phase == "queued" else fault.status
        if status is DagsterRunStatus.SUCCESS:
            release()
            services.ended(run)
            struck = time.monotonic()
        services.wait(lambda: services.run(run).is_finished or time.monotonic() - struck > SECONDS)
        assert services.run(run).status is status, services.story_of(run)
        pools = ("shop", "dbt")
        services.wait(
            lambda: not any(run in services.claimed(pool) for pool in pools) or time.monotonic() - struck > SECONDS
        )
        assert not [pool for pool in pools if run in services.claimed(pool)]
        if phase != "queued":
            # A run that was marked as canceled at once still ends its loads.
            pid = services.process_of(run)
            services.wait(lambda: not is_running(pid) or time.monotonic() - struck > SECONDS)
            assert not is_running(pid)
    if not fault.is_killed and phase != "queued":
        _check_story(services, run, phase, before)
    _run_again(services, phase)


def _check_story(services: Services, run: str, phase: str, before: dict[str, int]) -> None:
    """Checks that the event log of a run says what the tables hold."""
    has_ended = services.run(run).is_success
    expected = {*RAW, *([MODEL] if phase == "dbt" else [])} if has_ended else LANDED.get(phase, set())
    assert services.materialized(run) == expected, services.story_of(run)
    landed = {table for table in TABLES if f"raw/{table}" in expected}
    assert read_rows(services) == {table: before[table] + (table in landed) for table in TABLES}
    for table in set(TABLES) - landed:
        message = f"stopped: nothing of raw.{table} was loaded, the next run reads it again"
        assert message in services.story_of(run)
    # An executor of Dagster reports the interrupt itself.
    if phase == "dbt" and not has_ended and "EXECUTOR" not in services.environment:
        assert "stopped: dbt was interrupted" in services.log_of(run)


def _run_again(services: Services, phase: str) -> None:
    """Runs everything once more, and checks that nothing is lost and nothing is there twice."""
    stopped = read_rows(services)
    again = services.launch(*RAW, *([MODEL] if phase == "dbt" else []))
    assert services.ended(again).status is DagsterRunStatus.SUCCESS, services.story_of(again)
    assert read_rows(services) == {table: stopped[table] + 1 for table in stopped}
    if phase == "dbt":
        assert read_model(services) == stopped["first"] + 1
