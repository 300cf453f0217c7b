"""An Iceberg table whose commits are made to the snapshot that was seen when it was opened, or fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from dlt.common.libs.pyiceberg import ensure_iceberg_compatible_arrow_schema
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import TableProperties
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    AssertTableUUID,
    SetCurrentSchemaUpdate,
    SetDefaultSpecUpdate,
    SetSnapshotRefUpdate,
)

from data_foundation.warehouses.lake.iceberg.columns import add_columns, replace_columns
from data_foundation.warehouses.lake.iceberg.partitions import add_fields, find_spec, remove_fields

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, Table, Transaction
    from pyiceberg.table.update import TableUpdate

    from data_foundation.warehouses.lake.partitions.hints import PartitionHint


LOAD_ID, LEFTOVER = "data_foundation_load_id", "data_foundation_leftover"
"""Names in the summary of a snapshot: the load, and whether the table has no rows and columns of no landed load."""

PART_BYTES = 256 * 1024**2
"""Rows in memory that are written to a partitioned table at a time."""

NO_SNAPSHOT = -1
"""Version of a table to which nothing was ever written."""


class FencedTable:
    """An Iceberg table as it was when it was opened; a commit fails if there is a newer snapshot."""

    def __init__(self, table: Table, load_id: str) -> None:
        """Takes a table for the commits of a load.

        Args:
            table: The table.
            load_id: The load.
        """
        self.table, self._load_id = table, load_id
        self._forbid_retries()

    @property
    def version(self) -> int:
        """Id of the current snapshot."""
        snapshot = self.table.current_snapshot()
        return snapshot.snapshot_id if snapshot else NO_SNAPSHOT

    @property
    def rows(self) -> Any:
        """All rows, as an object with Arrow's PyCapsule interface that can be read again and again."""
        return _Scan(self.table)

    @property
    def files(self) -> list[FileScanTask]:
        """The data files of the current snapshot."""
        return list(self.table.scan().plan_files())

    def count(self) -> int:
        """Returns the number of rows, from the metadata of the files."""
        return self.table.scan().count()

    def read(self, file: FileScanTask, columns: Sequence[str] = ()) -> pa.Table:
        """Returns the rows of one data file.

        Args:
            file: The file.
            columns: The columns to read; default: all.
        """
        schema = self.table.schema()
        wanted = schema.select(*columns) if columns else schema
        return ArrowScan(self.table.metadata, self.table.io, wanted, AlwaysTrue()).to_table([file])

    def is_leftover(self) -> bool:
        """Returns True if the rows and columns of the table are those of no load that has landed."""
        snapshot = self.table.current_snapshot()
        if snapshot is None:
            return LOAD_ID in self.table.properties
        return snapshot.summary is not None and snapshot.summary[LEFTOVER] == "true" and not self.count()

    def commit(  # noqa: PLR0913 - all that one commit changes
        self,
        rows: pa.RecordBatchReader | None = None,
        *,
        removed: Sequence[FileScanTask] = (),
        kept: Iterable[pa.Table] = (),
        partitions: Sequence[PartitionHint] = (),
        rebuilds: bool = False,
        leftover: bool = False,
    ) -> None:
        """Removes files and adds rows in one commit, which changes the current snapshot in any case.

        Args:
            rows: The rows that are added; columns that the table does not have are added too.
            removed: The files that are removed.
            kept: The rows of these files that are written again, with the table's columns.
            partitions: The partitioning of the files that are written with `rows`; empty: that of the table.
            rebuilds: True if only the columns of `rows` remain.
            leftover: True if the table's columns do not count any longer.

        Raises:
            CommitFailedException: The table has a newer snapshot.
        """
        properties = {LOAD_ID: self._load_id, LEFTOVER: str(leftover).lower()}
        with self.table.transaction() as change:
            self._remove(change, removed, properties)
            for part in kept:
                change.append(part, properties)
            if rows is None:
                change.append(self.table.schema().as_arrow().empty_table(), properties)
            else:
                rows = compatible(rows)
                if rebuilds:
                    remove_fields(change)
                (replace_columns if rebuilds else add_columns)(change, self.table.schema(), rows.schema)
                if partitions:
                    remove_fields(change, partitions)
                    add_fields(change, partitions)
                for part in _parts(rows, is_partitioned=bool(change.table_metadata.spec().fields)):
                    change.append(part, properties)
        self._forbid_retries()

    def add_columns(self, schema: pa.Schema) -> None:
        """Adds the columns that it does not have, in one commit."""
        self.commit(pa.RecordBatchReader.from_batches(schema, []))

    def restore(self, version: int) -> None:
        """Makes an earlier snapshot the current one, with the columns that the table had then.

        Raises:
            CommitFailedException: The table has a newer snapshot than when it was opened.
        """
        before = self.table.snapshot_by_id(version)
        assert before is not None  # noqa: S101 - only snapshots older than the load's are expired
        branch: dict[str, Any] = {"ref-name": MAIN_BRANCH, "type": "branch", "snapshot-id": version}
        seen: dict[str, Any] = {"ref": MAIN_BRANCH, "snapshot-id": self.version}
        columns: dict[str, Any] = {"schema-id": before.schema_id}
        updates: list[TableUpdate] = [SetSnapshotRefUpdate(**branch)]
        if before.schema_id is not None and before.schema_id != self.table.schema().schema_id:
            updates.append(SetCurrentSchemaUpdate(**columns))
            spec: dict[str, Any] = {"spec-id": find_spec(self.table.metadata, before.schema_id)}
            if spec["spec-id"] != self.table.metadata.default_spec_id:
                # The load may have partitioned by a column that it has added.
                updates.insert(0, SetDefaultSpecUpdate(**spec))
        requirements = (AssertTableUUID(uuid=self.table.metadata.table_uuid), AssertRefSnapshotId(**seen))
        self.table.catalog.commit_table(self.table, requirements, tuple(updates))

    def _remove(self, change: Transaction, removed: Sequence[FileScanTask], properties: dict[str, str]) -> None:
        if removed:
            with change.update_snapshot(properties).overwrite() as files:
                for task in removed:
                    files.delete_data_file(task.file)

    def _forbid_retries(self) -> None:
        """Has pyiceberg not repeat a commit to a newer snapshot."""
        self.set_in_memory(TableProperties.COMMIT_NUM_RETRIES, "0")

    def set_in_memory(self, name: str, value: str) -> None:
        """Sets a property for the commits of this process; in memory only, as it is of no other program."""
        known = {**self.table.metadata.properties, name: value}
        self.table.metadata = self.table.metadata.model_copy(update={"properties": known})


def compatible(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Returns rows with types that Iceberg has, in columns that may be empty."""
    plain = pa.schema([(field.name, field.type) for field in rows.schema])
    schema = ensure_iceberg_compatible_arrow_schema(plain)

    def batches() -> Iterator[pa.RecordBatch]:
        # pyiceberg would write a file without rows for an empty batch.
        for batch in filter(len, rows):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=plain).cast(schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _parts(rows: pa.RecordBatchReader, *, is_partitioned: bool) -> Iterator[pa.Table | pa.RecordBatchReader]:
    """Yields rows in parts that pyiceberg can write: a stream to tables without partitions only; at least one part."""
    if not is_partitioned:
        yield rows
        return
    batches: list[pa.RecordBatch] = []
    is_first = True
    for batch in rows:
        batches.append(batch)
        if sum(one.nbytes for one in batches) >= PART_BYTES:
            yield pa.Table.from_batches(batches)
            batches, is_first = [], False
    if batches or is_first:
        yield pa.Table.from_batches(batches, rows.schema)


class _Scan:
    """The rows of a table, read file by file, with a new stream for each scan."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Returns a stream of all rows, by Arrow's PyCapsule protocol."""
        return self._table.scan().to_arrow_batch_reader().__arrow_c_stream__(requested_schema)
