"""Puts small files of an Iceberg table together, and removes snapshots that are no longer kept, with their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from posixpath import basename
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.table import TableProperties

from data_foundation.warehouses.lake.iceberg.catalogue import find_table

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, Table

    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.iceberg.fenced_table import FencedTable
    from data_foundation.warehouses.lake.upkeep.settings import Upkeep

FULL = 0.75
"""Part of the wanted size from which a file is left as it is."""


def compact(table: FencedTable, upkeep: Upkeep) -> int:
    """Puts small files together in one commit, each partition by itself; files of an earlier partitioning move.

    Returns:
        The number of files that were replaced.
    """
    if table.is_leftover():
        return 0
    current = table.table.spec().spec_id
    groups = [
        group
        for group in _group(table.files, current, upkeep.file_bytes)
        if len(group) > 1 or group[0].file.spec_id != current
    ]
    if groups:
        # Else the rows of one file in memory could become two files, which would be put together again and again.
        table.set_in_memory(TableProperties.WRITE_TARGET_FILE_SIZE_BYTES, str(2**50))
        kept = (pa.concat_tables(table.read(file) for file in group) for group in groups)
        table.commit(removed=[file for group in groups for file in group], kept=kept)
    return sum(map(len, groups))


def _group(files: Sequence[FileScanTask], current: int, size: int) -> Iterator[list[FileScanTask]]:
    """Yields files that become one: of one partition, in their order, and together no larger than `size` bytes."""
    filling: dict[tuple[int, str], list[FileScanTask]] = {}
    for task in files:
        file, key = task.file, (task.file.spec_id, repr(task.file.partition))
        if file.spec_id == current and file.file_size_in_bytes >= FULL * size:
            continue
        group = filling.setdefault(key, [])
        if group and sum(one.file.file_size_in_bytes for one in group) + file.file_size_in_bytes > size:
            yield group
            group = filling[key] = []
        group.append(task)
    yield from filling.values()


def expire(client: DatasetFiles, name: str, upkeep: Upkeep) -> int:
    """Removes snapshots that are not kept, and files that none of the others names.

    Killed in between, it leaves files that no snapshot names, which the next call removes.

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
    before = datetime.now(UTC) - upkeep.expire_after
    snapshots = sorted(table.metadata.snapshots, key=lambda one: (one.sequence_number or 0, one.timestamp_ms))
    kept = {one.snapshot_id for one in snapshots[-upkeep.keep :]}
    kept |= {reference.snapshot_id for reference in table.metadata.refs.values()}
    expired = [
        one.snapshot_id
        for one in snapshots
        if one.snapshot_id not in kept and one.timestamp_ms < before.timestamp() * 1000
    ]
    if expired:
        table.maintenance.expire_snapshots().by_ids(expired).commit()
    named = _named_files(find_table(client, name) or table)
    unnamed = [path for path in client.table_files(name) if basename(path.replace("\\", "/")) not in named]
    old = [path for path in unnamed if client.fs_client.modified(path).astimezone(UTC) < before]
    for path in old:
        client.delete(path)
    return len(old)


def _named_files(table: Table) -> set[str]:
    """Returns the names, which occur once, of all files that the metadata of a table names."""
    metadata = table.metadata
    paths = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    paths |= {statistics.statistics_path for statistics in (*metadata.statistics, *metadata.partition_statistics)}
    for snapshot in metadata.snapshots:
        paths.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            paths.add(manifest.manifest_path)
            paths |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return {basename(path) for path in paths}
