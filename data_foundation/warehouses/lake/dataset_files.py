"""The files of a dataset in a lake: where each of them is, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.common.time import ensure_pendulum_datetime
from dlt.destinations import path_utils
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.lake.access import NAMED_BY
from data_foundation.warehouses.lake.write_ahead_note import write_whole

UPLOADS = 8
"""Parquet files that are uploaded at the same time."""


class DatasetFiles(FilesystemClient):
    """dlt's client for files, with the paths that are known before a load writes them.

    Attributes:
        table_format: delta or parquet.
    """

    table_format: str

    def check_access(self) -> None:
        """Raises the error of the storage if it cannot be reached, and creates the folder of a local lake.

        Raises:
            WarehouseError: The container or bucket does not exist.
        """
        self.fs_client.invalidate_cache()
        if self.is_local_filesystem:
            self.fs_client.makedirs(self.bucket_path, exist_ok=True)
        else:
            self._check_container()

    def _check_container(self) -> None:
        folder = self.bucket_path.strip("/")
        container = folder.split("/")[0]
        try:
            self.fs_client.ls(folder)
        except FileNotFoundError:
            # The folder is created by the first load, the container is not.
            try:
                self.fs_client.ls(container)
            except FileNotFoundError:
                message = f"there is no container or bucket '{container}': create it, or correct {NAMED_BY}"
                raise WarehouseError(message) from None

    def table_files(self, table: str) -> list[str]:
        """Returns the paths of all files of a table."""
        folder = self.get_table_dir(table)
        return sorted(self.fs_client.find(folder)) if self.fs_client.isdir(folder) else []

    def parquet_path(self, load_id: str, file: str) -> str:
        """Returns the path in the lake of a local parquet file."""
        created = Container()[LoadPackageStateInjectableContext].state["created_at"]
        path = path_utils.create_path(
            self.config.layout,
            self.pathlib.basename(file),
            self.schema.name,
            load_id,
            ensure_pendulum_datetime(created, UTC),
        )
        return str(self.pathlib.join(self.dataset_path, path))

    def upload(self, paths: Mapping[str, str]) -> None:
        """Uploads files, several at the same time.

        Args:
            paths: The path in the lake of each local file.
        """

        def put(local: str, remote: str) -> None:
            if self.is_local_filesystem:
                self.fs_client.makedirs(self.pathlib.dirname(remote), exist_ok=True)
            self.fs_client.put_file(local, remote)

        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(put, paths.keys(), paths.values()))

    def delete(self, path: str) -> None:
        """Deletes a file if it exists."""
        self._delete_file(path)

    def load_path(self, load_id: str) -> str:
        """Returns the path of the file that marks a load as landed."""
        name = f"{self.schema.name}__{load_id}.jsonl"
        return str(self.pathlib.join(self.dataset_path, self.schema.loads_table_name, name))

    def schema_and_state_paths(self, load_id: str) -> list[str]:
        """Returns the paths of the files with dlt's schema and state that a load writes."""
        version = self.schema.stored_version_hash
        state = Container()[LoadPackageStateInjectableContext].state.get("pipeline_state")
        states = [self._get_state_file_name(state["pipeline_name"], version, load_id)] if state else []
        return [self._get_schema_file_name(version, load_id), *states]

    def store_load(self, load_id: str) -> None:
        """Writes schema and state, then the file that marks the load as landed."""
        self._store_schema(load_id)
        self._store_current_state(load_id)
        self._store_load(load_id)

    def _store_schema(self, load_id: str) -> None:
        """Writes the schema unless it is the newest one; dlt would not write one that was ever stored."""
        newest = self.get_stored_schema(self.schema.name)
        if newest is None or newest.version_hash != self.schema.stored_version_hash:
            self._newest_schema_id = load_id
            self._update_schema_in_storage(self.schema)

    @override
    def _get_schema_file_name(self, version_hash: str, load_id: str) -> str:
        # dlt's load_id here is the time of writing, which the note of the load cannot contain.
        return super()._get_schema_file_name(version_hash, getattr(self, "_newest_schema_id", load_id))

    @override
    def _write_to_json_file(self, filepath: str, data: Any) -> None:
        write_whole(self, filepath, data)
