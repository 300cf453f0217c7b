"""A Dagster deployment of a test: webserver, daemon, code server and runs as processes, used through GraphQL."""

import os
import re
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
DEADLINE = 120.0 * float(os.environ.get("SLOWNESS", "1"))
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
TERMINATE = """
mutation ($run: String!, $policy: TerminateRunPolicy) {
  terminateRuns(runIds: [$run], terminatePolicy: $policy) {
    ... on TerminateRunsResult { terminateRunResults { __typename } }
  }
}
"""
REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"


@dataclass(frozen=True)
class Deployment:
    """A running Dagster deployment.

    Attributes:
        location: Its project.
        address: Address of its webserver.
        instance: Its Dagster instance.
        log: Log file of its processes.
    """

    location: Location
    address: str
    instance: dg.DagsterInstance
    log: Path

    def query(self, query: str, **variables: Any) -> Any:
        """Returns the result of a GraphQL query."""
        payload = {"query": query, "variables": variables}
        answer = requests.post(f"{self.address}/graphql", json=payload, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, *keys: str, config: Mapping[str, Any] | None = None) -> str:
        """Materialises the assets with these keys, for instance `raw/orders`, as the UI does; returns the run id."""
        [repository] = self.query(REPOSITORIES)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }
        params = {"selector": selector, "runConfigData": config or {}, "mode": "default"}
        return self._run_id(self.query(LAUNCH, params=params)["launchRun"])

    def reexecute(self, run_id: str) -> str:
        """Re-executes a run from asset failure, as the UI does; returns the new run id."""
        params = {"parentRunId": run_id, "strategy": "FROM_ASSET_FAILURE"}
        return self._run_id(self.query(REEXECUTE, params=params)["launchRunReexecution"])

    def terminate(self, run_id: str, *, force: bool = False) -> None:
        """Terminates a run, as the button of the UI does, or as its checkbox "Force termination immediately" does."""
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if force else "SAFE_TERMINATE"
        [ended] = self.query(TERMINATE, run=run_id, policy=policy)["terminateRuns"]["terminateRunResults"]
        assert ended["__typename"] == "TerminateRunSuccess"

    def process_of(self, run_id: str) -> int:
        """Returns the id of the process of a run."""
        started = re.search(r"Started process for run \(pid: (\d+)\)", self.log_of(run_id))
        assert started
        return int(started[1])

    def claimed(self, pool: str) -> set[str]:
        """Returns the runs that hold or wait for a slot of a pool."""
        info = self.instance.event_log_storage.get_concurrency_info(pool)
        return {slot.run_id for slot in info.claimed_slots} | {step.run_id for step in info.pending_steps}

    @staticmethod
    def _run_id(answer: Mapping[str, Any]) -> str:
        assert "run" in answer, answer
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> dg.DagsterRun:
        """Returns the current state of a run."""
        found = self.instance.get_run_by_id(run_id)
        assert found
        return found

    def ended(self, run_id: str) -> dg.DagsterRun:
        """Waits for the end of a run and returns it."""
        self.wait(lambda: self.run(run_id).is_finished)
        return self.run(run_id)

    def wait(self, condition: Callable[[], object]) -> None:
        """Waits until the condition holds."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()[-6000:]
            time.sleep(0.1)

    def events(self, run_id: str, kind: dg.DagsterEventType) -> list[Any]:
        """Returns the log entries of one kind of a run, in order."""
        return list(self.instance.all_logs(run_id, of_type=kind))

    def materializations(self, run_id: str) -> list[dg.AssetMaterialization]:
        """Returns the materialisations of a run so far, in order."""
        entries = self.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return [entry.dagster_event.step_materialization_data.materialization for entry in entries]

    def materialized(self, run_id: str) -> set[str]:
        """Returns the keys of the assets that a run has materialised so far."""
        return {found.asset_key.to_user_string() for found in self.materializations(run_id)}

    def log_of(self, run_id: str) -> str:
        """Returns the whole event log of a run."""
        return "\n".join(str(entry) for entry in self.instance.all_logs(run_id))

    def story_of(self, run_id: str) -> str:
        """Returns the messages of a run's event log."""
        return "\n".join(entry.message for entry in self.instance.all_logs(run_id))


@contextmanager
def deploy(location: Location) -> Iterator[Deployment]:
    """Runs Dagster for a project, with the settings of this project's own deployment, until the block ends."""
    location.write("definitions.py", COMPOSITION)
    # A home that another deployment has left keeps its runs.
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
            deployment.wait(lambda: answers(deployment))
            yield deployment
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGINT)
            try:
                started.wait(20)
            finally:
                # Servers and runs are in the process group of this deployment; none may outlive the test.
                with suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)


def answers(deployment: Deployment) -> bool:
    """Returns True if the webserver knows the location and the daemon runs."""
    try:
        found = deployment.query(REPOSITORIES)["repositoriesOrError"]["nodes"]
    except requests.ConnectionError:
        return False
    return bool(found) and bool(deployment.instance.get_daemon_heartbeats())
