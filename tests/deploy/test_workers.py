"""Workers of a deployment of several machines lose their power."""

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest
from dagster import DagsterRunStatus

from tests.deploy.vendor import write_project
from tests.deploy.workers import REDIS, Workers, run_workers

RAW = ("raw/events", "raw/things", "raw/totals")
SECONDS = 60.0 * float(os.environ.get("MINUTES", "3"))
"""How long workers are killed."""

SEED = int(os.environ.get("SEED", "0")) or time.time_ns() % 10**6

pytestmark = [
    pytest.mark.rare,
    pytest.mark.timeout(SECONDS + 600),
    pytest.mark.skipif(not REDIS, reason="no redis-server here; on Debian: apt-get install redis-server"),
]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """The running deployment; its workers run too."""
    with run_workers(tmp_path_factory.mktemp("deployment"), write_project) as started:
        yield started


def test_a_run_that_is_terminated_says_what_it_has_loaded(deployment: Workers) -> None:
    """Terminate reaches the worker on its machine: the run ends its loads, reports them, and the slot is free."""
    run = deployment.launch(*RAW)
    deployment.wait(lambda: "STEP_START" in deployment.log_of(run))
    deployment.terminate(run)
    assert deployment.end(run) is DagsterRunStatus.CANCELED, deployment.story_of(run)
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
        ended[deployment.end(run)] += 1
    deployment.vendor.stop()
    for _ in deployment.workers:
        assert deployment.end(deployment.launch(*RAW)) is DagsterRunStatus.SUCCESS
    deployment.check_tables()
    record_property(f"runs while workers lost their power, seed {SEED}", sum(ended.values()))
    assert ended[DagsterRunStatus.SUCCESS]
    assert ended[DagsterRunStatus.FAILURE]
