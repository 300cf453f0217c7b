"""Finds out whether a load finds the rows of a table by another key than the loads before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data_foundation.errors import LoadError
from data_foundation.naming import normalize
from data_foundation.vault.dlt_tables import newest_key

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task


def find_key_warnings(task: Task, pipeline: TablePipeline) -> Iterator[str]:
    """Yields a warning if this load is the first one by a new key.

    Args:
        task: The resource to load, with what its code declares, and the run's options.
        pipeline: Its pipeline, after the stored schema was restored.

    Raises:
        LoadError: Rows of a vault would be there twice, once by each key.
    """
    if pipeline.vault:
        if reason := refuse_vault_key(pipeline.vault.key, newest_key(pipeline.tables)):
            raise LoadError(f"nothing was read: {reason}")
        return
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
    missing = find_missing_keys(resource, columns)
    return f"rows are found by {_name(becomes)}, and those of the table were by {_name(was)}: " + (
        f"the rows of the table have no {', '.join(missing)}, so a row that comes again is added beside them"
        if missing
        else "all rows of the table that share a new key are replaced together"
    )


def find_missing_keys(resource: ResourceConfig, columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the columns of a merge's key that the table does not have, as the warehouse spells them."""
    names = map(normalize, (*resource.key_columns, *resource.merge_columns))
    return [name for name in names if not columns.get(name, {}).get("data_type")]


def refuse_vault_key(key: Sequence[str], was: Sequence[str]) -> str:
    """Returns why a vault cannot go on with a key, "" if it can.

    Args:
        key: The columns of the key in their order, as the warehouse spells them.
        was: Those by which the newest satellite was loaded; empty if that is not known.
    """
    if not was or tuple(key) == tuple(was):
        return ""
    return (
        f"rows are distinguished by primary_key {', '.join(key)}, and those of the vault were by {', '.join(was)}: "
        "every row would begin anew under its new key, and its version under the old key would stay current. Set the "
        "key again, with a step `rename` in `processing_steps` if its column has a new name; or give `destination` "
        "another table"
    )


def _name(keys: Mapping[str, set[str]]) -> str:
    return " and ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in keys.items() if names)
