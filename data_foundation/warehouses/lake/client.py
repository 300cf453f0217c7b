"""One load into a lake: every file and every commit of it is written in one place, and one small file makes it count.

A lake has no transaction over several tables. What is about to be written is noted first, in `_dlt_unfinished`; then
the rows are written, the schema and the state; dlt's file in `_dlt_loads` says that the load has landed; at last what
it replaces is removed, and the note. Whatever instant a process is killed at, the note tells the next run what to undo
or what to finish.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC
from functools import partial
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.destination.client import JobClientBase, RunnableLoadJob
from dlt.common.schema.typing import TSchemaTables
from dlt.common.schema.utils import get_nested_tables, get_root_table, is_nested_table
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.common.time import ensure_pendulum_datetime
from dlt.destinations import path_utils
from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, FilesystemClient
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.connection import Statement
from data_foundation.warehouses.lake import delta as lake_delta
from data_foundation.warehouses.lake.access import NAMED_BY
from data_foundation.warehouses.lake.delta import Arrived
from data_foundation.warehouses.lake.sql import LakeSqlClient
from data_foundation.warehouses.lake.write_ahead_note import Note, read_note, remove_note, write_note, write_whole

UPLOADS = 8
"""Parquet files that are uploaded at a time."""


class PendingChanges:
    """What a load means to do, gathered from dlt until it is done.

    Attributes:
        first: Deletions that come before the rows.
        emptied: Tables that keep no row of before.
        dropped: Tables that keep no column of before either.
    """

    def __init__(self, first: Sequence[Statement] = ()) -> None:
        self.first = list(first)
        self.emptied: set[str] = set()
        self.dropped: set[str] = set()


class ArrivedJob(RunnableLoadJob):
    """One file that is there; what is done with it is done when all are. It runs, for dlt sleeps where nothing does."""

    @override
    def run(self) -> None:
        """Does nothing."""


class LakeClient(FilesystemClient):
    """dlt's client for files, which writes nothing before `complete_load`."""

    table_format: str
    pending: PendingChanges

    def probe(self) -> None:
        """Raises what storage says when it is asked for anything."""
        self.fs_client.invalidate_cache()
        if self.is_local_filesystem:
            self.fs_client.makedirs(self.bucket_path, exist_ok=True)
        else:
            self._probe_bucket()

    def _probe_bucket(self) -> None:
        folder = self.bucket_path.strip("/")
        container = folder.split("/")[0]
        try:
            self.fs_client.ls(folder)
        except FileNotFoundError:
            # The folder may not be there yet, the container must.
            try:
                self.fs_client.ls(container)
            except FileNotFoundError:
                message = f"there is no container or bucket '{container}': create it, or correct {NAMED_BY}"
                raise WarehouseError(message) from None

    @property  # type: ignore[explicit-override] # mypy 1.19 overlooks it where a property has a setter
    @override
    def sql_client(self) -> Any:
        """SQL over the files, as they are."""
        find_delta = partial(lake_delta.find_table, self) if self.table_format == "delta" else None
        return LakeSqlClient(self, find_delta)

    @sql_client.setter
    def sql_client(self, client: Any) -> None:
        """Is of no use here."""

    @override
    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        if not self.fs_client.exists(self.init_file_path):
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            write_whole(self, self.init_file_path, versions)
        super().initialize_storage()
        self.pending.emptied.update(truncate_tables or ())

    @override
    def drop_tables(self, *tables: str, delete_schema: bool = True) -> None:
        # The schema stays: a newer one counts.
        self.pending.dropped.update(tables)

    @override
    def update_stored_schema(
        self,
        only_tables: Iterable[str] | None = None,
        expected_update: TSchemaTables | None = None,
        force: bool = False,
    ) -> TSchemaTables:
        # Not `super()`, which writes the schema before the rows.
        JobClientBase.update_stored_schema(self, only_tables, expected_update, force)  # type: ignore[arg-type] # dlt says so
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
    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> ArrivedJob:
        return ArrivedJob(file_path)

    @override
    def complete_load(self, load_id: str) -> None:
        """Writes all that a load brought, and makes it count."""
        files = self._files_of_load(load_id)
        arrived = self._arrived(files)
        note, uploads = self._plan(load_id, files, arrived)
        write_note(self, note)
        try:
            self._write(load_id, arrived, uploads)
        except Exception:
            # Where storage is away, the next run mends.
            with suppress(Exception):
                self.mend()
            raise
        self._finish(note)

    def _write(self, load_id: str, arrived: Sequence[Arrived], uploads: Mapping[str, str]) -> None:
        lake_delta.delete_rows(self, self.pending.first)
        self.pending.first.clear()
        if self.table_format == "delta":
            lake_delta.write_tables(self, arrived)
        else:
            self._upload(uploads)
        self._store_schema(load_id)
        self._store_current_state(load_id)
        self._store_load(load_id)

    def delete_only(self) -> None:
        """Does the deletions of a load that brought nothing."""
        tables = [lake_delta.target(sql)[0] for sql, _ in self.pending.first]
        write_note(self, Note("", {name: lake_delta.version(self, name) for name in tables}))
        lake_delta.delete_rows(self, self.pending.first)
        self.pending.first.clear()
        remove_note(self)

    def mend(self) -> None:
        """Finishes the load that a killed process has left behind where it had landed, and undoes it elsewhere."""
        self.fs_client.invalidate_cache()
        note = read_note(self)
        if note is None:
            return
        if note.load_id and self.fs_client.exists(self._load_file(note.load_id)):
            self._finish(note)
            return
        for table, version in note.versions.items():
            lake_delta.restore(self, table, version)
        for path in note.added:
            self._delete_file(path)
        remove_note(self)

    def _finish(self, note: Note) -> None:
        for path in note.obsolete:
            self._delete_file(path)
        remove_note(self)

    def _files_of_load(self, load_id: str) -> Mapping[str, list[str]]:
        """Returns the local files of rows, by table; dlt's own tables have none."""
        storage = Container()[LoadPackageStateInjectableContext].storage
        files: dict[str, list[str]] = {}
        for job in storage.get_load_package_jobs(load_id)["completed_jobs"]:
            if not self.is_dlt_table(job.table_name):
                path = storage.get_job_file_path(load_id, "completed_jobs", job.file_name())
                files.setdefault(job.table_name, []).append(storage.storage.make_full_path(path))
        return files

    def _arrived(self, files: Mapping[str, list[str]]) -> list[Arrived]:
        """Returns what is done to each table, parents before what is nested in them."""
        emptied, dropped = self.pending.emptied, self.pending.dropped
        touched = {*files, *emptied}
        for name in files:
            if self.prepare_load_table(name)["write_disposition"] == "merge":
                # What was nested in a row that is merged goes, although nothing comes instead.
                root = get_root_table(self.schema.tables, name)["name"]
                touched.update(str(table["name"]) for table in get_nested_tables(self.schema.tables, str(root)))
        arrived = []
        for name in sorted(touched, key=lambda table: (is_nested_table(self.schema.tables[table]), table)):
            mode = "rebuild" if name in dropped else "replace" if name in emptied else ""
            table = self.prepare_load_table(name)
            arrived.append(Arrived(name, table, tuple(sorted(files.get(name, ()))), mode or table["write_disposition"]))
        return arrived

    def _plan(
        self, load_id: str, files: Mapping[str, list[str]], arrived: Sequence[Arrived]
    ) -> tuple[Note, dict[str, str]]:
        """Returns what must be known of a load to undo it or to finish it, and where parquet files go."""
        note = Note(load_id)
        uploads: dict[str, str] = {}
        dropped, emptied = self.pending.dropped, self.pending.emptied
        for table in dict.fromkeys((*(part.name for part in arrived), *dropped)):
            if self.table_format == "delta" and (table not in dropped or table in files):
                note.versions[table] = lake_delta.version(self, table)
                if note.versions[table] is not None:
                    continue
            there = self._stored_files(table)
            if table in dropped or (self.table_format == "parquet" and table in emptied):
                note.obsolete += there
            elif (self.table_format == "delta" and there) or any("/_delta_log/" in path for path in there):
                message = (
                    f"{self.dataset_name}/{table} holds files of another kind than LAKE_FORMAT={self.table_format}; "
                    "set LAKE_FORMAT as it was, or load the table with refresh=drop"
                )
                raise WarehouseError(message)
        if self.table_format == "parquet":
            uploads = {path: self._path(load_id, path) for paths in files.values() for path in paths}
        note.added += [*uploads.values(), self._schema_file(load_id), *self._state_files(load_id)]
        return note, uploads

    def _stored_files(self, table: str) -> list[str]:
        folder = self.get_table_dir(table)
        return sorted(self.fs_client.find(folder)) if self.fs_client.isdir(folder) else []

    def _path(self, load_id: str, file: str) -> str:
        created = Container()[LoadPackageStateInjectableContext].state["created_at"]
        path = path_utils.create_path(
            self.config.layout,
            self.pathlib.basename(file),
            self.schema.name,
            load_id,
            ensure_pendulum_datetime(created, UTC),
        )
        return str(self.pathlib.join(self.dataset_path, path))

    def _upload(self, uploads: Mapping[str, str]) -> None:
        def put(local: str, remote: str) -> None:
            if self.is_local_filesystem:
                self.fs_client.makedirs(self.pathlib.dirname(remote), exist_ok=True)
            self.fs_client.put_file(local, remote)

        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(put, uploads.keys(), uploads.values()))

    def _load_file(self, load_id: str) -> str:
        name = f"{self.schema.name}__{load_id}.jsonl"
        return str(self.pathlib.join(self.dataset_path, self.schema.loads_table_name, name))

    def _schema_file(self, load_id: str) -> str:
        return self._get_schema_file_name(self.schema.stored_version_hash, load_id)

    def _state_files(self, load_id: str) -> list[str]:
        state = Container()[LoadPackageStateInjectableContext].state.get("pipeline_state")
        if not state:
            return []
        return [self._get_state_file_name(state["pipeline_name"], self.schema.stored_version_hash, load_id)]

    def _store_schema(self, load_id: str) -> None:
        """Writes the schema where it is not the newest one; dlt itself asks whether it was ever written."""
        newest = self.get_stored_schema(self.schema.name)
        if newest is None or newest.version_hash != self.schema.stored_version_hash:
            self._newest_schema_id = load_id
            self._update_schema_in_storage(self.schema)

    @override
    def _get_schema_file_name(self, version_hash: str, load_id: str) -> str:
        # dlt gives the time, which no note could tell beforehand.
        return super()._get_schema_file_name(version_hash, getattr(self, "_newest_schema_id", load_id))

    @override
    def _write_to_json_file(self, filepath: str, data: Any) -> None:
        write_whole(self, filepath, data)
