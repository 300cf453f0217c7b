"""One real run of Dagster's daemon, which loads tables and builds models without any other action."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.orchestration.alerts.sensor import SENSOR_NAME
from tests.support.instances import open_instance
from tests.support.locations import COMPOSITION
from tests.support.receivers import Receivers
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
DEADLINE = 120.0
LOCATION = """
from pathlib import Path

import dagster as dg

from data_foundation.orchestration.automation import model_condition
from data_foundation.orchestration.factory import build_definitions


@dg.asset(key=["marts", "both"], deps=[["raw", "minutes"], ["raw", "once"]], kinds={"dbt"},
          automation_condition=model_condition())
def both() -> None:
    pass


defs = dg.Definitions.merge(
    build_definitions(Path(__file__).parent, automation_seconds=3), dg.Definitions(assets=[both])
)
"""


@contextmanager
def daemon(root: Path, home: Path) -> Iterator[None]:
    """Dagster's daemon with `root/definitions.py`, with its history in `home`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DUCKDB", "WAREHOUSE"))}
    environment |= {"DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-f", "definitions.py"]
    with (home / "daemon.log").open("w") as log:
        started = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            started.send_signal(signal.SIGINT)
            try:
                started.wait(20)
            finally:
                # Code servers and runs are in the process group of their daemon: none may outlive the test.
                with suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)


@pytest.mark.rare
def test_the_daemon_loads_tables_and_builds_models(tree: Tree, tmp_path: Path) -> None:
    """With the daemon alone, a cron fires, a missing table is loaded, and then the model of both is built."""
    tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, destination: raw.minutes, automation: "* * * * *", write_disposition: replace}
          - {entry: data.get_rows, destination: raw.once, automation: on_missing, write_disposition: replace}
        """,
    )
    tree.give("shop", [{"id": 1}])
    (tmp_path / "definitions.py").write_text(LOCATION)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home)
    wanted = [dg.AssetKey(key) for key in (["raw", "minutes"], ["raw", "once"], ["marts", "both"])]
    with open_instance(home) as instance:
        with daemon(tmp_path, home):
            deadline = time.monotonic() + DEADLINE
            while not instance.get_latest_materialization_event(wanted[-1]) and time.monotonic() < deadline:
                time.sleep(0.5)
        events = [instance.get_latest_materialization_event(key) for key in wanted]
        landed = [event.timestamp for event in events if event]
        assert len(landed) == 3, (home / "daemon.log").read_text()[-4000:]
        assert max(landed[:2]) < landed[2]
        assert instance.all_instigator_state() == [] or all(
            state.status.value != "RUNNING" for state in instance.all_instigator_state()
        )
        by_schedule = {run.tags.get("dagster/schedule_name") for run in instance.get_runs()}
        assert by_schedule == {None, "cron_x_x_x_x_x_utc"}
        by_condition = {run.tags.get("dagster/from_automation_condition") for run in instance.get_runs()}
        assert by_condition == {None, "true"}
    assert tree.query("select count(*) from raw.minutes") == [1]


@pytest.mark.rare
def test_the_daemon_sends_one_alert_for_a_failed_run(tree: Tree, tmp_path: Path, receivers: Receivers) -> None:
    """The sensor sends one message although it is evaluated again, the daemon starts anew, and a receiver is away."""
    targets = "\n".join(f"    {receivers.target(service, 'team-' + service)}" for service in ("slack", "webhook"))
    tree.write("dlthub/alerts.yaml", f"alerts:\n  targets:\n{targets}\n")
    tree.add(
        "shop", "resources: [{entry: data.get_rows, destination: raw.orders}]", "def get_rows():\n    return 1 / 0\n"
    )
    composition = COMPOSITION.replace("(Path(__file__).parent)", "(Path(__file__).parent, automation_seconds=3)")
    (tmp_path / "definitions.py").write_text(composition)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home)
    receivers.down.add("team-webhook")
    with open_instance(home) as instance:
        with daemon(tmp_path, home):
            _wait_for(lambda: _ticks(instance) >= 1)
            resource = tmp_path / "dlthub" / "shop" / "sources.yaml"
            resource.write_text(resource.read_text().replace("raw.orders", "raw.orders, automation: on_missing"))
        with daemon(tmp_path, home):
            _wait_for(lambda: bool(receivers.texts("slack", "team-slack")))
        receivers.down.clear()
        receivers.http.requests.clear()
        with daemon(tmp_path, home):
            _wait_for(lambda: bool(receivers.texts("webhook", "team-webhook")))
            before = _ticks(instance)
            _wait_for(lambda: _ticks(instance) >= before + 2)
        runs = [run.run_id for run in instance.get_runs() if run.status == dg.DagsterRunStatus.FAILURE]
    texts = receivers.texts("webhook", "team-webhook")
    assert len(texts) == len(runs), (home / "daemon.log").read_text()
    assert all("ZeroDivisionError: division by zero" in text for text in texts)
    assert receivers.texts("slack", "team-slack") == []


def _ticks(instance: dg.DagsterInstance) -> int:
    """Returns the number of evaluations of the sensor of alerts that have ended."""
    states = [state for state in instance.all_instigator_state() if state.instigator_name == SENSOR_NAME]
    ticks = [tick for one in states for tick in instance.get_ticks(one.instigator_origin_id, one.selector_id)]
    return sum(tick.status.value == "SKIPPED" for tick in ticks)


def _wait_for(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.5)
