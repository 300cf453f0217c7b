"""What Dagster does without this project: the same faults on assets that are plain functions with a pool."""

import time
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.dagster.faults import FAULTS
from tests.dagster.services import APART, open_services
from tests.dagster.test_stops import SECONDS
from tests.support.locations import Location

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "promises.md"
SETTINGS = "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n"
"""Dagster's defaults, with the limit of the pool."""

PLAIN = """
import time
from pathlib import Path

import dagster as dg

HERE = Path(__file__).parent


@dg.asset(pool="shop")
def first():
    (HERE / "at_blocked").touch()
    until = time.monotonic() + 180
    while (HERE / "blocked").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with (HERE / "rows").open("a") as rows:
        rows.write("1")


@dg.asset(pool="shop", deps=[first])
def second():
    pass


defs = dg.Definitions([first, second])
"""

STOCK = {
    "terminate": (DagsterRunStatus.CANCELED, True),
    "force terminate": (DagsterRunStatus.CANCELED, True),
    "SIGTERM to the run": (DagsterRunStatus.FAILURE, True),
    "kill -9 of the run": (DagsterRunStatus.FAILURE, False),
    "kill -9 of the daemon": (DagsterRunStatus.SUCCESS, True),
    "kill -9 of the webserver": (DagsterRunStatus.SUCCESS, True),
    "kill -9 of the code server": (DagsterRunStatus.SUCCESS, True),
    "kill -9 of the code server, terminate": (DagsterRunStatus.CANCELING, False),
    "reboot": (DagsterRunStatus.STARTED, False),
    "Ctrl-C on dagster dev": (DagsterRunStatus.FAILURE, True),
}
"""For each fault: the state of the run after 30 seconds, and whether its slot is free."""


@pytest.mark.parametrize("name", FAULTS)
def test_the_page_has_what_stock_dagster_does(name: str) -> None:
    """The table of docs/explanation/promises.md has a row for each fault, which ends with its entry of STOCK."""
    status, is_free = STOCK[name]
    [row] = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |")]
    assert row.endswith(f"| {status.value}, slot {'free' if is_free else 'held'} |")


@pytest.mark.rare
@pytest.mark.parametrize("name", FAULTS)
def test_what_stock_dagster_does(tmp_path: Path, name: str) -> None:
    """A run of plain assets that is struck while its first asset waits ends, or stays as it is, as STOCK lists."""
    fault, location = FAULTS[name], Location(tmp_path)
    location.write("definitions.py", PLAIN)
    blocked = location.write("blocked", "")
    with open_services(location, ["dev"] if fault.is_dev else APART, SETTINGS) as services:
        run = services.launch("first", "second")
        services.wait((tmp_path / "at_blocked").exists)
        try:
            fault.strike(services, run)
        except (AssertionError, KeyError):  # Dagster answers that it cannot terminate the run, or with an error
            assert not STOCK[name][1]
        if fault.status is DagsterRunStatus.SUCCESS:
            blocked.unlink()
        struck = time.monotonic()

        def is_free() -> bool:
            return services.run(run).is_finished and run not in services.claimed("shop")

        services.wait(lambda: is_free() or time.monotonic() - struck > SECONDS)
        assert (services.run(run).status, run not in services.claimed("shop")) == STOCK[name], services.story_of(run)
        blocked.unlink(missing_ok=True)
