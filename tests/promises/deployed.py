"""A Dagster deployment of a test's own: webserver, daemon, code server and runs as processes, asked as the UI asks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import requests

from tests.support.instances import open_instance
from tests.support.locations import COMPOSITION, Location

ROOT = Path(__file__).parents[2]
DEADLINE = 120.0
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { __typename message }
  }
}
"""
REEXECUTE = """
mutation ($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { __typename message }
  }
}
"""
REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"


@dataclass(frozen=True)
class Deployment:
    """A running Dagster.

    Attributes:
        location: The repository that it runs.
        address: Of its webserver.
        instance: Its history.
        log: What its processes wrote.
    """

    location: Location
    address: str
    instance: dg.DagsterInstance
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """Returns the answer of the webserver's GraphQL."""
        order = {"query": query, "variables": variables}
        answer = requests.post(f"{self.address}/graphql", json=order, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, *keys: str, config: Mapping[str, Any] | None = None) -> str:
        """Presses "Materialize" on the assets of these keys, for instance `raw/orders`; returns the run's id."""
        [repository] = self.ask(REPOSITORIES)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }
        params = {"selector": selector, "runConfigData": config or {}, "mode": "default"}
        return self._run_id(self.ask(LAUNCH, params=params)["launchRun"])

    def reexecute(self, run_id: str) -> str:
        """Presses "Re-execute from asset failure" on a run; returns the new run's id."""
        params = {"parentRunId": run_id, "strategy": "FROM_ASSET_FAILURE"}
        return self._run_id(self.ask(REEXECUTE, params=params)["launchRunReexecution"])

    @staticmethod
    def _run_id(answer: Mapping[str, Any]) -> str:
        assert "run" in answer, answer
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> dg.DagsterRun:
        """Returns a run as it is now."""
        found = self.instance.get_run_by_id(run_id)
        assert found
        return found

    def ended(self, run_id: str) -> dg.DagsterRun:
        """Waits for a run's end and returns it."""
        self.wait(lambda: self.run(run_id).is_finished)
        return self.run(run_id)

    def wait(self, condition: Callable[[], object]) -> None:
        """Waits until something is so."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()[-6000:]
            time.sleep(0.1)

    def events(self, run_id: str, kind: dg.DagsterEventType) -> list[Any]:
        """Returns the log entries of one kind of a run, in order."""
        return list(self.instance.all_logs(run_id, of_type=kind))

    def materializations(self, run_id: str) -> list[dg.AssetMaterialization]:
        """Returns what a run materialised so far, in order."""
        entries = self.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return [entry.dagster_event.step_materialization_data.materialization for entry in entries]

    def materialized(self, run_id: str) -> set[str]:
        """Returns the keys of the assets that a run materialised so far."""
        return {found.asset_key.to_user_string() for found in self.materializations(run_id)}

    def said(self, run_id: str) -> str:
        """Returns everything that a run wrote to the event log."""
        return "\n".join(str(entry) for entry in self.instance.all_logs(run_id))


@contextmanager
def deploy(location: Location) -> Iterator[Deployment]:
    """Runs Dagster over a location, with the settings that this project is deployed with, until the block ends."""
    location.write("definitions.py", COMPOSITION)
    home = location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_text()).parent
    log = home / "dagster.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DUCKDB", "WAREHOUSE"))}
    environment |= {"DAGSTER_HOME": str(home), "DLT_PROJECT_DIR": str(location.root), "PYTHONPATH": str(ROOT)}
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-f", "definitions.py", "-p", str(port)]
    with log.open("w") as file, open_instance(home) as instance:
        started = subprocess.Popen(
            command, cwd=location.root, env=environment, stdout=file, stderr=file, start_new_session=True
        )
        deployment = Deployment(location, f"http://127.0.0.1:{port}", instance, log)
        try:
            deployment.wait(lambda: _answers(deployment))
            yield deployment
        finally:
            started.send_signal(signal.SIGINT)
            try:
                started.wait(20)
            finally:
                # Servers and runs are in the group of their own deployment: none may outlive the test.
                with suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)


def _answers(deployment: Deployment) -> bool:
    """Tells whether the webserver knows the location and the daemon has begun."""
    try:
        found = deployment.ask(REPOSITORIES)["repositoriesOrError"]["nodes"]
    except requests.ConnectionError:
        return False
    return bool(found) and bool(deployment.instance.get_daemon_heartbeats())
