"""The files of a dataset in a lake: where each of them is, and how it is written."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from decimal import Decimal
from typing import Any, TypeVar

from dlt.common.configuration.container import Container
from dlt.common.destination.client import StateInfo, StorageSchemaInfo
from dlt.common.json import json
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.common.time import ensure_pendulum_datetime
from dlt.destinations import path_utils
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from typing_extensions import override

from data_foundation import naming
from data_foundation.errors import WarehouseError
from data_foundation.warehouses.lake.access.catalogue_address import CatalogueAddress
from data_foundation.warehouses.lake.access.credentials import NAMED_BY
from data_foundation.warehouses.lake.open_format import OpenFormat
from data_foundation.warehouses.lake.turn_files import TurnFiles
from data_foundation.warehouses.lake.whole_files import TURNS_FOLDER, write_whole

logger = logging.getLogger(__name__)
Found = TypeVar("Found")

LANDED_FILE = re.compile(r"(.+)__(\d+\.\d+)\.jsonl")
"""Name of dlt's file of a landed load, with the names of its schema and its id."""

UPLOADS = 8
"""Parquet files that are uploaded at the same time."""


class DatasetFiles(FilesystemClient):
    """dlt's client for files, with the paths that are known before a load writes them.

    Attributes:
        table_format: delta, iceberg or parquet.
        open_format: The functions of the format; None for parquet files.
        catalogue: The catalogue of Iceberg tables, None for another format.
    """

    table_format: str
    open_format: OpenFormat | None
    catalogue: CatalogueAddress | None
    _newest_schema_id = _cleaned = ""

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

    def find_datasets(self, suffix: str) -> list[str]:
        """Returns the names of the datasets of a deployment, by the suffix of its schemas."""
        paths = self.fs_client.ls(self.bucket_path, detail=False) if self.fs_client.isdir(self.bucket_path) else []
        names = sorted(self.pathlib.basename(path.rstrip("/")) for path in paths)
        found = [name for name in names if (name.endswith(suffix) if suffix else "__" not in name)]
        return [name for name in found if self.fs_client.isdir(self.pathlib.join(self.bucket_path, name, TURNS_FOLDER))]

    def find_schemas(self) -> list[str]:
        """Returns the names of the dlt schemas of the dataset; each is of one resource."""
        paths = self.fs_client.ls(self.pathlib.join(self.dataset_path, TURNS_FOLDER), detail=False)
        return sorted(self.pathlib.basename(path.rstrip("/")) for path in paths)

    def find_tables(self) -> list[str]:
        """Returns the tables of the stored schema but dlt's own."""
        stored = self.get_stored_schema(self.schema.name)
        names = json.loads(stored.schema)["tables"] if stored else ()
        return [name for name in names if not self.is_dlt_table(name)]

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

    def relative(self, path: str) -> str:
        """Returns a path in the dataset without the dataset's own, with slashes."""
        return str(self.pathlib.relpath(path, self.dataset_path)).replace("\\", "/")

    def absolute(self, path: str) -> str:
        """Returns the path that `relative` has shortened."""
        return str(self.pathlib.join(self.dataset_path, path))

    def landed_ids(self) -> list[str]:
        """Returns the ids of the table's landed loads, the oldest first."""
        folder, name = self.get_table_dir(self.schema.loads_table_name).rstrip("/\\"), self.schema.name
        self.fs_client.invalidate_cache()
        try:
            paths = self.fs_client.find(folder, prefix=f"{name}__")
        except FileNotFoundError:
            return []
        found = (LANDED_FILE.fullmatch(self.pathlib.basename(path)) for path in paths)
        return sorted((match[2] for match in found if match and match[1] == name), key=Decimal)

    def describe_load(self, load_id: str) -> dict[str, str]:
        """Returns content by path of dlt's files for a load that lands: its schema and state, and last its own."""
        self._described: dict[str, str] = {}
        newest = self.get_stored_schema(self.schema.name)
        # dlt would not write a schema that was ever stored, and is not the newest.
        if newest is None or newest.version_hash != self.schema.stored_version_hash:
            self._newest_schema_id = load_id
            self._update_schema_in_storage(self.schema)
        self._store_current_state(load_id)
        self._store_load(load_id)
        return self._described

    def remove_old_states(self) -> None:
        """Removes files with dlt's state that are not among the newest, after a load has landed."""
        if self._cleaned:
            super()._cleanup_pipeline_states(self._cleaned)

    @override
    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:
        read = super().get_stored_state
        # dlt asks with a schema of its own where it does not know the table's yet.
        schema = naming.schema_name(pipeline_name.partition("-")[2])
        return self._read_or_restore(schema, self.schema.state_table_name, lambda: read(pipeline_name))

    @override
    def get_stored_schema(self, schema_name: str | None = None) -> StorageSchemaInfo | None:
        def read() -> StorageSchemaInfo | None:
            return super(DatasetFiles, self).get_stored_schema(schema_name)  # type: ignore[arg-type] # dlt's None is implicit

        return self._read_or_restore(schema_name or "", self.schema.version_table_name, read)

    def _read_or_restore(self, schema: str, table: str, read: Callable[[], Found]) -> Found:
        """Returns what a function reads from dlt's files; writes the newest one again if it is damaged.

        Args:
            schema: The name of the table's dlt schema.
            table: dlt's table with the file.
            read: The function.

        Raises:
            WarehouseError: It is damaged, and the table's turns have no copy of it.
        """
        try:
            return read()
        except (ValueError, TypeError, KeyError):
            spare = TurnFiles(self, schema).find_spare(table)
        for path, text in spare.items():
            write_whole(self, self.absolute(path), text)
            logger.warning("%s/%s was damaged; it was written again from its copy", self.dataset_name, path)
        try:
            return read()
        except (ValueError, TypeError, KeyError) as error:
            message = (
                f"a file of {schema} in {self.dataset_name}/{table} is damaged and there is no copy of it: "
                "restore it from a backup, or delete it and load the table with refresh=drop"
            )
            raise WarehouseError(message) from error

    @override
    def _get_schema_file_name(self, version_hash: str, load_id: str) -> str:
        # dlt's load_id here is the time of writing; files are ordered by load.
        return super()._get_schema_file_name(version_hash, self._newest_schema_id or load_id)

    @override
    def _write_to_json_file(self, filepath: str, data: Any) -> None:
        # It is written once the load has landed.
        self._described[self.relative(filepath)] = json.dumps(data)

    @override
    def _cleanup_pipeline_states(self, pipeline_name: str) -> None:
        # Before the load has landed, an older state is the newest one.
        self._cleaned = pipeline_name
