"""Launch of a run as a schedule does it: with a running code server, and a process for the run."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster_graphql.cli import execute_query

from benchmarks.measure import ROOT

POLL_SECONDS = 0.25
AT_ONCE = {"run_coordinator": {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"}}
"""A run starts at its launch; the queue of the daemon is skipped."""
REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { __typename message }
  }
}
"""


@dataclass(frozen=True)
class Deployment:
    """A Dagster deployment with a code server.

    Attributes:
        instance: Its Dagster instance.
        process: Its workspace process context.
    """

    instance: dg.DagsterInstance
    process: Any

    def run(self, keys: Sequence[str], config: Mapping[str, Any] | None = None) -> str:
        """Launches a run of these assets, for instance `raw/orders`, waits for its end and returns the run id.

        Raises:
            RuntimeError: The run failed.
        """
        repository = self.repository()
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }
        params = {"selector": selector, "runConfigData": config or {}, "mode": "default"}
        answer = self._ask(LAUNCH, {"params": params})["launchRun"]
        if "run" not in answer:
            raise RuntimeError(str(answer))
        run_id = str(answer["run"]["runId"])
        while not (run := self.instance.get_run_by_id(run_id)) or not run.is_finished:
            time.sleep(POLL_SECONDS)
        if not run.is_success:
            raise RuntimeError("\n".join(entry.user_message for entry in self.instance.all_logs(run_id)))
        return run_id

    def repository(self) -> Any:
        """Returns the names of the only repository of the workspace and of its location."""
        [repository] = self._ask(REPOSITORIES, {})["repositoriesOrError"]["nodes"]
        return repository

    def _ask(self, query: str, variables: Mapping[str, Any]) -> Any:
        answer = execute_query(self.process, query, variables=variables)
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        return answer["data"]


@contextmanager
def deploy(root: Path, also: Mapping[str, Any] | None = None) -> Generator[Deployment]:
    """Yields a deployment of `root/definitions.py` with the settings of this project's own deployment.

    Args:
        root: The project.
        also: Further keys of `dagster.yaml`.
    """
    home = Path(os.environ["DAGSTER_HOME"])
    settings = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    settings.pop("run_queue", None)
    (home / "dagster.yaml").write_text(yaml.safe_dump({**settings, **AT_ONCE, **(also or {})}), encoding="utf-8")
    target = PythonFileTarget(
        python_file=str(root / "definitions.py"), attribute=None, working_directory=str(root), location_name=None
    )
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        WorkspaceProcessContext(instance, target) as process,
    ):
        deployment = Deployment(instance, process)
        # The first query builds the GraphQL schema, which is not part of a run.
        deployment.repository()
        yield deployment
