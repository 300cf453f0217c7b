"""Puts small files of a Delta table together, and removes the files of versions that are no longer kept."""

from __future__ import annotations

from datetime import timedelta
from posixpath import basename
from typing import TYPE_CHECKING, Any

from data_foundation.warehouses.lake.delta.tables import LEFTOVER, FencedTable, find_table, properties

if TYPE_CHECKING:
    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.upkeep.settings import Upkeep


def compact(table: FencedTable, upkeep: Upkeep) -> int:
    """Puts small files together in one commit, each partition by itself.

    Returns:
        The number of files that were replaced.
    """
    if _is_leftover(table):
        return 0
    metrics = table.optimize.compact(target_size=upkeep.file_bytes, commit_properties=properties(""))
    return int(metrics["numFilesRemoved"])


def expire(client: DatasetFiles, name: str, upkeep: Upkeep) -> int:
    """Removes the files that only versions name which are not kept.

    Args:
        client: The client of the lake.
        name: Table name.
        upkeep: What is kept.

    Returns:
        The number of files.
    """
    table = find_table(client, name)
    if table is None:
        return 0
    existing = {basename(path.replace("\\", "/")) for path in client.table_files(name)}
    choice: dict[str, Any] = {
        "retention_hours": upkeep.expire_after // timedelta(hours=1),
        "enforce_retention_duration": False,
        "keep_versions": [int(commit["version"]) for commit in table.history(upkeep.keep)],
    }
    # deltalake also lists files that are gone already; names of files occur once.
    removed = existing & {basename(path) for path in table.vacuum(**choice, dry_run=True)}
    if removed:
        # Whether the columns of a table count is read from its newest commit, which is one of the vacuum now.
        marks = properties("", leftover=_is_leftover(table))
        table.vacuum(**choice, dry_run=False, commit_properties=marks)
    return len(removed)


def _is_leftover(table: FencedTable) -> bool:
    return bool(table.history(1)[0].get(LEFTOVER))
