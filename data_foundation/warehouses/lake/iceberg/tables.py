"""The Iceberg tables of a load: how they are opened and created, and how what a load has written is undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.lake.iceberg import catalogue
from data_foundation.warehouses.lake.iceberg.columns import all_columns
from data_foundation.warehouses.lake.iceberg.fenced_table import LOAD_ID, NO_SNAPSHOT, FencedTable, compatible
from data_foundation.warehouses.lake.iceberg.partitions import check_hints
from data_foundation.warehouses.lake.open_format import LoadTables

if TYPE_CHECKING:
    from pyiceberg.table.snapshots import Snapshot

    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.row_changes import TableChange

UNDO_ATTEMPTS = 5


class IcebergLoadTables(LoadTables[FencedTable]):
    """The tables that one load changes, each opened once."""

    @override
    def open_newest(self, name: str) -> FencedTable | None:
        return open_fenced(self.client, name, self.load_id)

    @staticmethod
    @override
    def version_of(table: FencedTable) -> int:
        return table.version

    @override
    def is_leftover(self, name: str) -> bool:
        table = self.find(name)
        return table is not None and table.is_leftover()

    @override
    def check_partitions(self, change: TableChange) -> None:
        if not (change.files and change.partitions):
            return
        rows = compatible(pa.RecordBatchReader.from_batches(change.rows.schema, [])).schema
        table = None if change.is_made_anew else self.find(change.name)
        known = table.table.schema() if table else None
        check_hints(change.name, change.partitions, all_columns(known, rows))

    def open_or_create(self, name: str, schema: pa.Schema) -> FencedTable:
        """Returns a table; a new one is created empty by a commit of its own.

        Whoever takes over finds a table that was created before the check, and ends its version; a table that is
        created after it stays empty.

        Args:
            name: Table name.
            schema: The columns of a new table.
        """
        table = self.find(name)
        if table is None:
            columns = compatible(pa.RecordBatchReader.from_batches(schema, [])).schema
            catalogue.create_table(self.client, name, columns, {LOAD_ID: self.load_id})
            table = self.opened[name] = open_fenced(self.client, name, self.load_id)
            assert table is not None  # noqa: S101 - it was created
            self.check()
        return table


def open_fenced(client: DatasetFiles, name: str, load_id: str = "") -> FencedTable | None:
    """Returns a table for the commits of a load, or to read; None if it does not exist."""
    table = catalogue.find_table(client, name)
    return FencedTable(table, load_id) if table is not None else None


def undo(  # noqa: PLR0913 - what is undone, for whom, and whether it still may be
    client: DatasetFiles, name: str, version: int | None, load_id: str, check: Callable[[], None], *, is_own: bool
) -> None:
    """Restores a version of a table.

    The commit ends the version that another process may still have open. So a table that the load has created is
    emptied and kept, unless the load is this process's own.

    Args:
        client: The client of the lake.
        name: Table name.
        version: The version, None if the table did not exist before the load.
        load_id: The load that is undone.
        check: Raises an error if this process has lost its turn.
        is_own: True if this process is the one that wrote.
    """
    for attempt in range(UNDO_ATTEMPTS):
        table = open_fenced(client, name, load_id)
        if is_own and table is not None and table.version == version:
            return
        check()
        if table is None or (version is None and is_own):
            if version is None:
                catalogue.drop_table(client, name)
            return
        try:
            _restore(table, version)
        except CommitFailedException:
            # The process that wrote was about to commit once more; it cannot do so again and again.
            if attempt == UNDO_ATTEMPTS - 1:
                raise
        else:
            return


def _restore(table: FencedTable, version: int | None) -> None:
    """Restores a version of a table, always by a commit."""
    if version is None or version == NO_SNAPSHOT:
        table.commit(removed=table.files, leftover=version is None)
    elif table.version == version:
        table.commit()
    else:
        table.restore(version)


def undo_unlanded(client: DatasetFiles, name: str, landed: set[str], check: Callable[[], None]) -> None:
    """Undoes what a load has written to a table that has not landed, if its note is damaged.

    Args:
        client: The client of the lake.
        name: Table name.
        landed: Ids of the loads that have landed.
        check: Raises an error if this process has lost its turn.
    """
    table = open_fenced(client, name)
    if table is None:
        return
    now = before = table.table.current_snapshot()
    while before is not None and _is_unlanded(before, landed):
        before = _find_parent(table, name, before)
    if now is None or before is not now:
        undo(client, name, before.snapshot_id if before else None, "", check, is_own=False)


def _find_parent(table: FencedTable, name: str, snapshot: Snapshot) -> Snapshot | None:
    """Returns the snapshot before another, None if that was the first.

    Raises:
        WarehouseError: It has expired; without it the rows before the load are not known.
    """
    parent = snapshot.parent_snapshot_id
    found = table.table.snapshot_by_id(parent) if parent else None
    if parent and found is None:
        message = (
            f"{name}: the load of snapshot {snapshot.snapshot_id} has not landed, and the one before it, {parent}, "
            "has been expired by another program; set the snapshot with the right rows as the current one"
        )
        raise WarehouseError(message)
    return found


def _is_unlanded(snapshot: Any, landed: set[str]) -> bool:
    load_id = snapshot.summary[LOAD_ID] if snapshot.summary else None
    return bool(load_id) and load_id not in landed
