"""Phases of building definitions, and the comparison of the assets that two sides define."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator
from typing import Any

import dagster as dg


def measure_definitions(build: Callable[[], dg.Definitions]) -> Generator[str, None, Any]:
    """Yields when the definitions are built, and when Dagster has resolved them into an asset graph.

    A code location is usable after the second phase, whose cost is Dagster's own and similar for all sides.
    """
    definitions = build()
    yield "definitions"
    repository = definitions.get_repository_def()
    nodes = list(repository.asset_graph.asset_nodes)
    yield "asset graph"
    described = sorted(json.dumps(_describe(node), sort_keys=True) for node in nodes)
    operations = {id(node.assets_def) for node in nodes if node.is_materializable}
    content = hashlib.sha256("\n".join(described).encode()).hexdigest()
    return {"content": {"assets": len(nodes), "operations": len(operations), "described": content}}


def _describe(node: Any) -> Any:
    """Returns what the UI shows of an asset, but what differs between sides: metadata, and a cron, here a schedule."""
    return {
        "key": node.key.to_user_string(),
        "upstream": sorted(key.to_user_string() for key in node.parent_keys),
        "description": node.description,
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": list(node.owners),
        "tags": dict(node.tags),
        "pools": sorted(node.pools or ()),
        "is_loaded_here": node.is_materializable,
    }
