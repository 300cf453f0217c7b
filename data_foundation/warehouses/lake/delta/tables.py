"""The Delta tables of a load: each of its commits is made to the version that the load has seen, or fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from dlt.common.libs.deltalake import (
    deltalake_storage_options,
    ensure_delta_compatible_arrow_data,
    ensure_delta_compatible_arrow_schema,
)
from typing_extensions import override

from data_foundation.warehouses.lake.delta.partitions import check_rows, find_columns, require_columns
from data_foundation.warehouses.lake.open_format import LoadTables

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    from data_foundation.warehouses.lake.row_changes import TableChange

LOAD_ID, LEFTOVER = "data_foundation_load_id", "data_foundation_leftover"
"""Names in the metadata of commits: the load, and whether the table has no rows and columns that no load has landed."""

HISTORY = 50
"""Commits that are searched for those of a load whose note is damaged."""

UNDO_ATTEMPTS = 5


class FencedTable(DeltaTable):
    """A Delta table as it was when it was opened; a commit fails if there is a newer version.

    Attributes:
        commit: Properties of its commits.
    """

    commit: CommitProperties

    @override
    def merge(self, *args: Any, **options: Any) -> Any:
        return super().merge(*args, **options, commit_properties=self.commit)

    @property
    def rows(self) -> Any:
        """All rows as a pyarrow dataset."""
        return self.to_pyarrow_dataset()

    def add_columns(self, schema: pa.Schema) -> None:
        """Adds the columns that it does not have."""
        known = set(self.schema().to_arrow().names)
        fields = ensure_delta_compatible_arrow_schema(schema)
        if new := [Field.from_arrow(field) for field in fields if field.name not in known]:
            self.alter.add_columns(new, commit_properties=self.commit)


class DeltaLoadTables(LoadTables[FencedTable]):
    """The tables that one load changes, each opened once."""

    @override
    def open_newest(self, name: str) -> FencedTable | None:
        return open_fenced(self.client, name, self.load_id)

    @staticmethod
    @override
    def version_of(table: FencedTable) -> int:
        return table.version()

    @override
    def is_leftover(self, name: str) -> bool:
        table = self.find(name)
        return table is not None and not table.count() and bool(table.history(1)[0].get(LEFTOVER))

    @override
    def check_partitions(self, change: TableChange) -> None:
        table = self.find(change.name)
        columns = find_columns(change, table)
        check_rows(change, columns)
        if change.files and (table is None or change.is_made_anew):
            require_columns(change, columns, change.rows.schema.names)

    def write(self, change: TableChange, rows: Any, *, mode: str, schema_mode: str) -> None:
        """Writes rows in one commit; a new table is created empty by a commit before it.

        Whoever takes over finds a table that was created before the check, and ends its version; a table that is
        created after it stays empty.
        """
        name = change.name
        table = self.find(name)
        columns = list(find_columns(change, table))
        rows = ensure_delta_compatible_arrow_data(rows, columns or None)
        if table is None:
            empty = pa.RecordBatchReader.from_batches(rows.schema, [])
            where, options = location(self.client, name), storage_options(self.client)
            created = properties(self.load_id, leftover=True)
            create: Any = write_deltalake
            create(
                where,
                empty,
                partition_by=columns or None,
                mode="error",
                storage_options=options,
                commit_properties=created,
            )
            table = self.opened[name] = open_fenced(self.client, name, self.load_id, version=0)
            self.check()
        assert table is not None  # noqa: S101 - it was opened or created
        write: Any = write_deltalake
        # Only a table that is made anew takes other partitions than it has.
        write(
            table,
            rows,
            partition_by=columns,
            mode=mode,
            schema_mode=schema_mode,
            commit_properties=table.commit,
        )

    def empty(self, name: str, *, leftover: bool) -> None:
        """Deletes all rows of a table, if it exists.

        Args:
            name: Table name.
            leftover: True if its columns do not count any longer.
        """
        table = self.find(name)
        commit = properties(self.load_id, leftover=leftover)
        if table and table.count():
            table.delete(commit_properties=commit)
        elif table and leftover:
            end_version(table, commit)


def properties(load_id: str, *, leftover: bool = False) -> CommitProperties:
    """Returns the properties of a commit that fails if the table has a newer version."""
    return CommitProperties({LOAD_ID: load_id, LEFTOVER: leftover}, max_commit_retries=0)


def open_fenced(client: FilesystemClient, name: str, load_id: str, version: int | None = None) -> FencedTable | None:
    """Returns a table for the commits of a load, None if it does not exist.

    Args:
        client: The client of the lake.
        name: Table name.
        load_id: The load.
        version: The version that is expected; default: the current one.
    """
    try:
        table = FencedTable(location(client, name), version, storage_options=storage_options(client))
    except TableNotFoundError:
        return None
    table.commit = properties(load_id)
    return table


def find_table(client: FilesystemClient, name: str) -> FencedTable | None:
    """Returns a table to read, None if it does not exist."""
    return open_fenced(client, name, "")


def undo(  # noqa: PLR0913 - what is undone, for whom, and whether it still may be
    client: FilesystemClient, name: str, version: int | None, load_id: str, check: Callable[[], None], *, is_own: bool
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
        if is_own and table is not None and table.version() == version:
            return
        check()
        if table is None or (version is None and is_own):
            if version is None:
                remove(client, name)
            return
        try:
            _restore(table, version or 0, properties(load_id, leftover=version is None))
        except CommitFailedError:
            # The process that wrote was about to commit once more; it cannot do so again and again.
            if attempt == UNDO_ATTEMPTS - 1:
                raise
        else:
            return


def _restore(table: FencedTable, version: int, commit: CommitProperties) -> None:
    """Restores a version of a table, always by a commit."""
    if table.version() == version:
        end_version(table, commit)
    else:
        table.restore(version, protocol_downgrade_allowed=True, commit_properties=commit)


def end_version(table: FencedTable, commit: CommitProperties) -> None:
    """Commits a version that changes nothing, so that no commit to the current one succeeds."""
    table.create_write_transaction([], "append", table.schema(), commit_properties=commit)


def remove(client: FilesystemClient, name: str) -> None:
    """Removes all files of a table: it exists until the first file of its log, the last to go, is removed."""
    folder = client.get_table_dir(name)
    paths = client.fs_client.find(folder) if client.fs_client.isdir(folder) else []
    for path in sorted(paths, key=lambda path: ("/_delta_log/" in path, path), reverse=True):
        client._delete_file(path)  # noqa: SLF001 - it handles the differences between services


def undo_unlanded(client: FilesystemClient, name: str, landed: set[str], check: Callable[[], None]) -> None:
    """Undoes what a load has written to a table that has not landed, if its note is damaged.

    Args:
        client: The client of the lake.
        name: Table name.
        landed: Ids of the loads that have landed.
        check: Raises an error if this process has lost its turn.
    """
    table = open_fenced(client, name, "")
    version = find_version_before(table, landed) if table else None
    if version is not None:
        undo(client, name, None if version < 0 else version, "", check, is_own=False)


def find_version_before(table: DeltaTable, landed: set[str]) -> int | None:
    """Returns the newest version of a table that is not of a load that has not landed, None if that is the current one.

    Args:
        table: The table.
        landed: Ids of the loads that have landed.
    """
    version = current = table.version()
    for commit in table.history(HISTORY):
        load_id = commit.get(LOAD_ID)
        if not load_id or load_id in landed:
            break
        version -= 1
    return None if version == current else version


def location(client: FilesystemClient, name: str) -> str:
    """Returns the URL of a table."""
    return client.get_open_table_location("delta", name)


def storage_options(client: FilesystemClient) -> dict[str, str]:
    """Returns the storage options of deltalake."""
    return deltalake_storage_options(client.config.credentials, client.config.deltalake_storage_options)
