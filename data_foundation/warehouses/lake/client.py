"""dlt's client for a lake: collects the changes of a load, and writes them when the load is complete.

A lake has no transaction over several tables. A load therefore first writes a note with all that it will write to
`_dlt_unfinished`, then rows, schema and state, and then dlt's file in `_dlt_loads`, which marks the load as landed.
Last, it removes what the load replaces, and the note. If a process is killed, the next run reads the note: it finishes
a load that has landed, and undoes any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from dlt.common.destination.client import JobClientBase, RunnableLoadJob
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION
from typing_extensions import override

from data_foundation.warehouses.lake import delta as lake_delta
from data_foundation.warehouses.lake.dataset_files import DatasetFiles
from data_foundation.warehouses.lake.load_plan import LoadPlan, PendingChanges, plan_load
from data_foundation.warehouses.lake.sql import LakeSqlClient
from data_foundation.warehouses.lake.write_ahead_note import Note, read_note, remove_note, write_note, write_whole


class NoJob(RunnableLoadJob):
    """A file that `complete_load` writes together with all others. Not a finished job, for which dlt would wait."""

    @override
    def run(self) -> None:
        """Does nothing."""


class LakeClient(DatasetFiles):
    """dlt's client for files, which writes no row before `complete_load`.

    Attributes:
        pending: The pending changes of the current load, shared by all clients of a destination.
    """

    pending: PendingChanges

    @property  # type: ignore[explicit-override] # mypy 1.19 overlooks it where a property has a setter
    @override
    def sql_client(self) -> Any:
        """A new client that queries the current files."""
        find_delta = partial(lake_delta.find_table, self) if self.table_format == "delta" else None
        return LakeSqlClient(self, find_delta)

    @sql_client.setter
    def sql_client(self, client: Any) -> None:
        """Does nothing: each query has a client of its own."""

    @override
    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        if not self.fs_client.exists(self.init_file_path):
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            write_whole(self, self.init_file_path, versions)
        super().initialize_storage()
        self.pending.emptied.update(truncate_tables or ())

    @override
    def drop_tables(self, *tables: str, delete_schema: bool = True) -> None:
        # The stored schema is kept, as the newest one counts.
        self.pending.dropped.update(tables)

    @override
    def update_stored_schema(
        self,
        only_tables: Iterable[str] | None = None,
        expected_update: TSchemaTables | None = None,
        force: bool = False,
    ) -> TSchemaTables:
        # Not `super()`, which would write the schema before the rows.
        JobClientBase.update_stored_schema(self, only_tables, expected_update, force)  # type: ignore[arg-type] # as in dlt
        stored = self.get_stored_schema(self.schema.name)
        known: TSchemaTables = json.loads(stored.schema)["tables"] if stored else {}
        applied: TSchemaTables = {}
        for name in only_tables or self.schema.tables:
            was = {} if name in self.pending.dropped else known.get(name, {}).get("columns", {})
            columns = self.schema.get_table_columns(name)
            if new := {column: hints for column, hints in columns.items() if "data_type" not in was.get(column, {})}:
                applied[name] = {"name": name, "columns": new}
        return applied

    @override
    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> NoJob:
        return NoJob(file_path)

    @override
    def complete_load(self, load_id: str) -> None:
        """Writes all changes of a load."""
        plan = plan_load(self, self.pending, load_id)
        write_note(self, plan.note)
        try:
            self._write(plan)
        except Exception:
            # If storage cannot be reached, the next run mends.
            with suppress(Exception):
                self.mend()
            raise
        self._finish(plan.note)

    def delete_only(self) -> None:
        """Executes the deletions of a load without rows."""
        self.pending.before_commit()
        tables = [lake_delta.target(sql)[0] for sql, _ in self.pending.first]
        write_note(self, Note("", {name: lake_delta.version(self, name) for name in tables}))
        self._delete_rows()
        remove_note(self)

    def mend(self) -> None:
        """Finishes the load of a killed process if it has landed, otherwise undoes it."""
        self.fs_client.invalidate_cache()
        note = read_note(self)
        if note is None:
            return
        if note.load_id and self.fs_client.exists(self.load_path(note.load_id)):
            self._finish(note)
            return
        for table, version in note.versions.items():
            lake_delta.restore(self, table, version)
        for path in note.added:
            self.delete(path)
        remove_note(self)

    def _write(self, plan: LoadPlan) -> None:
        self._delete_rows()
        if self.table_format == "delta":
            lake_delta.write_tables(self, plan.tables)
        else:
            self.upload(plan.uploads)
        self.pending.before_commit()
        self.store_load(plan.note.load_id)

    def _delete_rows(self) -> None:
        lake_delta.delete_rows(self, self.pending.first)
        self.pending.first.clear()

    def _finish(self, note: Note) -> None:
        for path in note.obsolete:
            self.delete(path)
        remove_note(self)
