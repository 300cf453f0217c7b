"""Actions in Dagster before pictures are taken: an ingest, backfills, ticks of schedules, and a run that fails."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.ui.dagster_server import BIN, ROOT, ask, environment, wait_until

RUN_SECONDS = 900.0
QUIET_SECONDS = 75.0
"""More than two ticks of the automation."""

HISTORY = ("raw", "exchange_rate_history")
COMMITS = ("raw", "github_commits")
QUARTERS = ("2025-07-01", "2025-10-01", "2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01")
MOST_ATTEMPTS = 4
"""Attempts of a load whose vendor does not answer, as `retries` sets them."""
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "data_foundation"}
LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
SCHEDULES = """query($repository: RepositorySelector!) {
  schedulesOrError(repositorySelector: $repository) { ... on Schedules { results { name } } } }"""
TICK = """mutation($selector: ScheduleSelector!, $now: Float) {
  scheduleDryRun(selectorData: $selector, timestamp: $now) { __typename ... on DryRunInstigationTick {
    evaluationResult { runRequests { tags { key value } assetSelection { path } } } } } }"""
UNFINISHED = """{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}) {
  ... on Runs { results { runId } } } }"""
PARTITIONS = "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"
ASSETS = "{ assetNodes { assetKey { path } kinds } }"


def ingest(home: Path, settings: Mapping[str, str]) -> None:
    """Loads every source and builds every dbt model, as `make run` does, with Dagster's history in `home`."""
    command = [str(BIN / "foundation"), "run", "--dbt", "--record"]
    subprocess.run(command, cwd=ROOT, env=environment(home, settings), check=True)


@dataclass(frozen=True)
class Stage:
    """A running Dagster in which actions are started.

    Attributes:
        url: URL of its webserver.
        sandbox_url: URL of the vendors that it loads from.
    """

    url: str
    sandbox_url: str

    def fail_newest_partitions(self) -> str:
        """Loads the newest partitions of a table while its vendor does not answer, and returns the backfill's id."""
        self._arm("/frankfurter", "503", times=MOST_ATTEMPTS)
        return self._backfill(HISTORY, newest=15)

    def complete(self) -> str:
        """Loads every partition, those that have failed too, and returns the backfill's id."""
        return self._backfill(HISTORY)

    def work(self) -> str:
        """Starts the runs of a tick of every schedule, and loads ranges of a table again; returns the last run's id."""
        for schedule in self._ask(SCHEDULES, "results", repository=REPOSITORY):
            selector = {**REPOSITORY, "scheduleName": schedule["name"]}
            for request in self._ask(TICK, "runRequests", selector=selector, now=time.time()):
                self._launch(request["assetSelection"], tags=request["tags"])
        for start, end in itertools.pairwise(QUARTERS):
            run = self._launch([{"path": COMMITS}], {"ops": {"github": {"config": {"start": start, "end": end}}}})
        self._wait_until_idle()
        return run

    def fail(self) -> str:
        """Runs a source of which one resource fails and two are loaded, and returns the run's id."""
        self._arm("/github/repos/*/*/pulls", "expired")
        return self._materialize([("raw", f"github_{table}") for table in ("commits", "issues", "pulls")])

    def alert(self) -> str:
        """The same after the first evaluation of the alert sensor, which begins with runs that end from then on."""
        self._wait_until_idle()
        return self.fail()

    def load_shop(self) -> str:
        """Loads the tutorial's source, and returns the run's id."""
        return self._materialize([("raw", "shop_items"), ("raw", "shop_orders"), ("raw", "shop_orders__lines")])

    def load_and_build_shop(self) -> str:
        """Loads the tutorial's source, which is now partitioned, and builds its models; returns the run's id."""
        self._backfill(("raw", "shop_orders"))
        return self._materialize([("raw", "shop_items"), *self._find_models()])

    def _find_models(self) -> list[Sequence[str]]:
        return [node["assetKey"]["path"] for node in self._ask(ASSETS, "assetNodes") if "dbt" in node["kinds"]]

    def _arm(self, path: str, fault: str, times: int | None = None) -> None:
        """Lets the sandbox answer requests of a path with a fault, as many `times`, or from now on."""
        order = {"path": path, "fault": fault, "times": times}
        requests.post(f"{self.sandbox_url}/_faults", json=order, timeout=10).raise_for_status()

    def _materialize(self, keys: Sequence[Sequence[str]]) -> str:
        run = self._launch([{"path": key} for key in keys])
        self._wait_until_idle()
        return run

    def _launch(
        self,
        selection: Sequence[Mapping[str, Sequence[str]]],
        config: Mapping[str, object] | None = None,
        tags: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Starts a run of assets, and returns its id."""
        selector = {**REPOSITORY, "pipelineName": "__ASSET_JOB", "assetSelection": selection}
        params = {
            "selector": selector,
            "runConfigData": config or {},
            "mode": "default",
            "executionMetadata": {"tags": tags},
        }
        return str(self._ask(LAUNCH, "runId", params=params))

    def _backfill(self, key: Sequence[str], newest: int = 0) -> str:
        """Loads so many of the newest partitions of a table, 0 for all, and returns the backfill's id."""
        partitions = self._ask(PARTITIONS, "partitionKeys", key={"path": key})
        params = {"assetSelection": [{"path": key}], "partitionNames": partitions[-newest:]}
        backfill = self._ask(BACKFILL, "backfillId", params=params)
        self._wait_until_idle()
        return str(backfill)

    def _wait_until_idle(self) -> None:
        """Waits until no run is queued or running, and the automation has started no other."""
        last_busy = time.monotonic()

        def is_idle() -> bool:
            nonlocal last_busy
            if self._ask(UNFINISHED, "results"):
                last_busy = time.monotonic()
            return time.monotonic() - last_busy > QUIET_SECONDS

        wait_until(is_idle, RUN_SECONDS)

    def _ask(self, query: str, field: str, **variables: object) -> Any:
        """Returns the first field with a name in the response of a GraphQL query.

        Raises:
            LookupError: The response has no such field, for instance because it is an error.
        """
        answer: Any = ask(self.url, query, **variables)
        nested = [answer]
        for value in nested:
            if isinstance(value, dict):
                if field in value:
                    return value[field]
                nested += value.values()
        raise LookupError(f"no {field} in {answer}")
