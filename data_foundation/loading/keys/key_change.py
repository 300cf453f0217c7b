"""Finds out whether a merge finds the rows of a table by another key than the loads before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from data_foundation.naming import normalize

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task


def find_key_warnings(task: Task, pipeline: TablePipeline) -> Iterator[str]:
    """Yields a warning if this load is the first one by a new key.

    Args:
        task: The resource to load, with what its code declares, and the run's options.
        pipeline: Its pipeline, after the stored schema was restored.
    """
    columns: Any = pipeline.tables.get(pipeline.table, {}).get("columns", {})
    if task.options.refresh != "drop" and (change := describe_key_change(task.resource, columns)):
        yield f"the key has changed: {change}"


def describe_key_change(resource: ResourceConfig, columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns in words how the key of a merge has changed, "" if it has not.

    Args:
        resource: The resource, with the key that is in force.
        columns: dlt's column schemas of the table as the last load has left them; empty before the first one.
    """
    was = {kind: {name for name, hints in columns.items() if hints.get(kind)} for kind in ("primary_key", "merge_key")}
    becomes = {
        "primary_key": {normalize(name) for name in resource.key_columns},
        "merge_key": {normalize(name) for name in resource.merge_columns},
    }
    is_merge = resource.write_disposition.disposition == "merge" and resource.landing == "table"
    if not is_merge or not any(was.values()) or not any(becomes.values()) or was == becomes:
        return ""
    return (
        f"rows are found by {_name(becomes)}, and those of the table were by {_name(was)}: all rows of the table that "
        "share a new key are replaced together"
    )


def _name(keys: Mapping[str, set[str]]) -> str:
    return " and ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in keys.items() if names)
