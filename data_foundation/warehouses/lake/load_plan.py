"""What one load changes in a lake: its pending changes, and the plan of what it writes and removes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.container import Container
from dlt.common.json import json
from dlt.common.schema.utils import get_nested_tables, get_root_table, is_nested_table
from dlt.common.storages.load_package import LoadPackageStateInjectableContext

from data_foundation.errors import LoadError, WarehouseError
from data_foundation.warehouses.lake.partitions.hints import read_hints
from data_foundation.warehouses.lake.row_changes import TableChange
from data_foundation.warehouses.lake.turn_files import Note
from data_foundation.warehouses.one_load import Commits

if TYPE_CHECKING:
    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence
    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.open_format import LoadTables


LOG = re.compile(r"/_delta_log/|/metadata/[^/]+\.metadata\.json")
"""Paths of the files that make a folder a Delta or an Iceberg table."""


_FOLDER = re.compile(r"(?:^|/)([^/={}]+)=")
"""Names of folders of a layout that readers take for columns."""


class PendingChanges(Commits):
    """The pending changes of one load, collected from dlt until the load is complete.

    Attributes:
        first: DELETE and UPDATE statements that are executed before the rows are written.
        emptied: Tables whose rows are removed.
        dropped: Tables whose rows and columns are removed.
        fence: The newest landed load when this one began; None for a load that need not be the next one.
    """

    def __init__(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> None:
        self.first, self.fence = list(first), fence
        self.emptied: set[str] = set()
        self.dropped: set[str] = set()


@dataclass(frozen=True)
class LoadPlan:
    """All that a load writes and removes, known before it does so.

    Attributes:
        note: What the next run needs to finish or to undo the load.
        tables: The changes of each table, parents before their nested tables.
        uploads: The path in the lake of each local parquet file; empty for tables with versions.
    """

    note: Note
    tables: Sequence[TableChange]
    uploads: Mapping[str, str]


def plan_load(files: DatasetFiles, opened: LoadTables[Any] | None, pending: PendingChanges, load_id: str) -> LoadPlan:
    """Returns the plan of a load.

    Args:
        files: The files of the dataset.
        opened: The tables of the load; None for parquet files.
        pending: The changes that dlt has asked for.
        load_id: dlt's load id.

    Raises:
        WarehouseError: A table has files of the other format.
        LoadError: A table cannot be partitioned as its hints say, or parquet files have another type in a column.
    """
    row_files = _row_files(files, load_id)
    tables = _table_changes(files, pending, row_files)
    if opened:
        tables = [replace(change, is_leftover=opened.is_leftover(change.name)) for change in tables]
        for change in tables:
            opened.check_partitions(change)
    note = Note(load_id)
    for change in tables:
        _plan_table(files, opened, pending, note, change.name)
    uploads: dict[str, str] = {}
    if not opened:
        _refuse_hidden_columns(files, tables)
        _refuse_other_types(files, tables)
        uploads = {path: files.parquet_path(load_id, path) for paths in row_files.values() for path in paths}
    note.added += map(files.relative, uploads.values())
    return LoadPlan(note, tables, uploads)


def _refuse_hidden_columns(files: DatasetFiles, tables: Sequence[TableChange]) -> None:
    """Refuses a column that has the name of a folder of the layout, as in `dt=2024`, whose value readers show instead.

    Raises:
        LoadError: Names the column.
    """
    folders = set(_FOLDER.findall(files.config.layout))
    for change in tables:
        if hidden := sorted(folders & set((change.table.get("columns") or {}).keys())):
            message = (
                f"{change.name}: LAKE_LAYOUT has a folder '{hidden[0]}=', and the table a column of that name, in "
                "whose place readers show the value of the folder; rename the folder or the column"
            )
            raise LoadError(message)


def _refuse_other_types(files: DatasetFiles, tables: Sequence[TableChange]) -> None:
    """Refuses parquet files whose columns have another type than those of the table, as no reader takes both.

    Raises:
        LoadError: Names the column and both types.
    """
    stored = files.get_stored_schema(files.schema.name)
    known = json.loads(stored.schema)["tables"] if stored else {}
    for change in tables:
        if change.mode != "append" or not change.files:
            continue
        columns = known.get(change.name, {}).get("columns", {})
        for name, column in files.schema.get_table_columns(change.name).items():
            was, now = _type_of(columns.get(name, {})), _type_of(column)
            if was and was != now:
                message = (
                    f"{change.name}: column {name} has the type {was} in the files of the table and {now} in this "
                    f"load, which no reader takes for one column; declare `data_type: {was.partition(' ')[0]}` in "
                    "`columns`, or make the table anew with refresh=drop"
                )
                raise LoadError(message)


def _type_of(column: Mapping[str, Any]) -> str:
    """Returns the type of a column, as far as files that differ in it cannot be read together; "" if it has none."""
    kind = column.get("data_type") or ""
    return f"{kind} without a time zone" if kind == "timestamp" and column.get("timezone") is False else kind


def _row_files(files: DatasetFiles, load_id: str) -> Mapping[str, list[str]]:
    """Returns the local files with rows, by table; without dlt's own tables."""
    storage = Container()[LoadPackageStateInjectableContext].storage
    found: dict[str, list[str]] = {}
    for job in storage.get_load_package_jobs(load_id)["completed_jobs"]:
        if not files.is_dlt_table(job.table_name):
            path = storage.get_job_file_path(load_id, "completed_jobs", job.file_name())
            found.setdefault(job.table_name, []).append(storage.storage.make_full_path(path))
    return found


def _table_changes(
    files: DatasetFiles, pending: PendingChanges, row_files: Mapping[str, list[str]]
) -> list[TableChange]:
    """Returns the change of each table, parents before their nested tables."""
    all_tables = files.schema.tables
    touched = {*row_files, *pending.emptied}
    for name in row_files:
        if files.prepare_load_table(name)["write_disposition"] == "merge":
            # A merged row may have lost all of its nested rows, so each nested table is touched.
            root = get_root_table(all_tables, name)["name"]
            touched.update(str(table["name"]) for table in get_nested_tables(all_tables, str(root)))
    changes = []
    for name in sorted(touched, key=lambda table: (is_nested_table(all_tables[table]), table)):
        mode = "rebuild" if name in pending.dropped else "replace" if name in pending.emptied else ""
        table = files.prepare_load_table(name)
        local = tuple(sorted(row_files.get(name, ())))
        # The table that dlt has prepared lacks the columns that no row has.
        partitions = read_hints(all_tables[name])
        changes.append(TableChange(name, table, local, mode or table["write_disposition"], partitions))
    return changes + [TableChange(name, {}, (), "rebuild") for name in sorted(pending.dropped - touched)]


def _plan_table(
    files: DatasetFiles, opened: LoadTables[Any] | None, pending: PendingChanges, note: Note, table: str
) -> None:
    """Adds a table's version before the load, or its files that the load makes obsolete, to the note."""
    if opened:
        note.versions[table] = opened.version(table)
        if note.versions[table] is not None:
            return
    stored = files.table_files(table)
    if table in pending.dropped or (not opened and table in pending.emptied):
        note.obsolete += map(files.relative, stored)
    elif (opened and stored) or any(LOG.search(path) for path in stored):
        unknown = files.table_format == "iceberg"
        message = (
            f"{files.dataset_name}/{table} has files of another format than LAKE_FORMAT={files.table_format}"
            f"{', or its catalogue does not know them' if unknown else ''}; restore "
            f"{'the catalogue or ' if unknown else ''}the previous LAKE_FORMAT, or load the table with refresh=drop"
        )
        raise WarehouseError(message)
