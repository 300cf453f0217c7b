"""Actions in Dagster before pictures are taken: an ingest, backfills, and a run that fails."""

from __future__ import annotations

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
LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "data_foundation"}
LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
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

    def backfill_old_partitions(self) -> str:
        """Loads all partitions of a table except the newest, and returns the backfill's id."""
        return self._backfill(HISTORY, "2024-01-01", "2026-10-31")

    def complete(self) -> str:
        """Loads every partition, and runs every dbt model, so that its checks have results; returns the run's id."""
        self._backfill(HISTORY, "2024-01-01", "9999-12-31")
        return self._materialize(self._find_models())

    def fail(self) -> str:
        """Runs a source of which one resource fails and two are loaded, and returns the run's id."""
        fault = {"path": "/github/repos/*/*/pulls", "fault": "expired"}
        requests.post(f"{self.sandbox_url}/_faults", json=fault, timeout=10).raise_for_status()
        return self._materialize([("raw", f"github_{table}") for table in ("commits", "issues", "pulls")])

    def load_shop(self) -> str:
        """Loads the tutorial's source, and returns the run's id."""
        return self._materialize([("raw", "shop_items"), ("raw", "shop_orders"), ("raw", "shop_orders__lines")])

    def load_and_build_shop(self) -> str:
        """Loads the tutorial's source, which is now partitioned, and builds its models; returns the run's id."""
        self._backfill(("raw", "shop_orders"), "2026-09-01", "9999-12-31")
        return self._materialize([("raw", "shop_items"), *self._find_models()])

    def _find_models(self) -> list[Sequence[str]]:
        return [node["assetKey"]["path"] for node in self._ask(ASSETS, "assetNodes") if "dbt" in node["kinds"]]

    def _materialize(self, keys: Sequence[Sequence[str]]) -> str:
        selector = {**LOCATION, "pipelineName": "__ASSET_JOB", "assetSelection": [{"path": key} for key in keys]}
        run = self._ask(LAUNCH, "runId", params={"selector": selector, "runConfigData": {}, "mode": "default"})
        self._wait_until_idle()
        return str(run)

    def _backfill(self, key: Sequence[str], first: str, last: str) -> str:
        partitions = self._ask(PARTITIONS, "partitionKeys", key={"path": key})
        chosen = [partition for partition in partitions if first <= partition <= last]
        params = {"assetSelection": [{"path": key}], "partitionNames": chosen}
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
