"""GraphQL of a code location, as the pages of Dagster's UI query it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster_graphql.test.utils import execute_dagster_graphql

NODES = """{ assetNodes {
  assetKey { path } isPartitioned isMaterializable staleStatus description tags { key value }
  staleCauses { key { path } reason }
  partitionStats { numMaterialized numPartitions numFailed }
  assetChecksOrError { ... on AssetChecks {
    checks { name executionForLatestMaterialization { status evaluation { severity } } } } }
} }"""


def ask_location(instance: dg.DagsterInstance, root: Path, query: str = NODES, **variables: Any) -> Any:
    """Returns the data of a GraphQL query to the location `root/definitions.py`."""
    target = PythonFileTarget(str(root / "definitions.py"), None, str(root), "location")
    with WorkspaceProcessContext(instance, target, version="") as process:
        result = execute_dagster_graphql(process.create_request_context(), query, variables)
    assert not result.errors, result.errors
    return result.data


def nodes_by_key(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the assets of a result of `NODES` by key."""
    return {"/".join(node["assetKey"]["path"]): node for node in data["assetNodes"]}
