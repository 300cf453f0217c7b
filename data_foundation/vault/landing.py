"""Turns the table of a normalised load into rows of a satellite, keys of a hub and a row of the list of satellites."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.storages import ParsedLoadJobFileName
from dlt.common.storages.load_package import PackageStorage

from data_foundation.config.table_names import hub_table, satellite_table, satellites_table, table_name_of
from data_foundation.dlt_keys import VAULT
from data_foundation.errors import ValueRefused
from data_foundation.naming import normalize
from data_foundation.vault.dlt_tables import (
    as_extracted,
    find_changed_columns,
    hub_schema,
    newest_satellite,
    satellite_schema,
    satellites_schema,
)
from data_foundation.vault.hashes import HASH_KEY, ROW_HASH, Hashes

if TYPE_CHECKING:
    import dlt
    from dlt.common.schema import Schema

    from data_foundation.config.grammar import ResourceConfig


class Vault:
    """The vault that one resource is loaded into instead of its table.

    Rows are extracted and normalised as for a table with the columns of the newest satellite. Then every row gets its
    hashes, and the load's files become those of a satellite and of the hub. Which rows are new is decided in the
    warehouse, in the transaction of the load.

    Attributes:
        hub: The table of the hub.
        key: The columns of the key in their order, as the warehouse spells them.
        opened: The satellite that was opened because of new columns, with these columns; empty if none was.
    """

    def __init__(self, source: str, resource: ResourceConfig) -> None:
        self.hub = hub_table(resource)
        self.opened: dict[str, tuple[str, ...]] = {}
        self._asset = str(table_name_of(resource))
        self._table = table_name_of(resource).table
        self._source = f"{source}.{self._table}"
        self._first = satellite_table(source, resource)
        self._list = satellites_table(resource)
        self.key = tuple(normalize(name) for name in resource.key_columns)
        self._columns = {required.name: normalize(required.column) for required in resource.contract}

    def satellite(self, tables: Mapping[str, Any]) -> str:
        """Returns the newest satellite, or the name of the first one before it exists."""
        return newest_satellite(tables) or self._first

    def restore_columns(self, schema: Schema) -> None:
        """Gives the extracted table the columns of the newest satellite."""
        if newest := newest_satellite(schema.tables):
            schema.tables[self._table] = as_extracted(schema.tables[newest], self._table)

    def land(self, pipeline: dlt.Pipeline) -> None:
        """Converts the files that the pipeline has normalised.

        Raises:
            ValueRefused: A row has no key, two different rows have the same key, or a column has the name of one of the
                vault's own.
        """
        package = pipeline._get_load_storage().normalized_packages  # noqa: SLF001 - dlt has no public access to the files
        for load_id in pipeline.list_normalized_load_packages():
            schema = package.load_schema(load_id)
            if extracted := schema.tables.pop(self._table, None):
                if files := [job for job in package.list_new_jobs(load_id) if _parsed(job).table_name == self._table]:
                    self._rearrange(package, load_id, files, schema, extracted)
                package.save_schema(load_id, schema)
                pipeline.default_schema.replace_schema_content(schema)

    def _rearrange(
        self, package: PackageStorage, load_id: str, files: list[str], schema: Schema, extracted: Any
    ) -> None:
        if taken := {HASH_KEY, ROW_HASH} & set(extracted["columns"]):
            raise ValueRefused(f"column {', '.join(sorted(taken))}: the vault has one of that name; rename it")
        moment = datetime.fromtimestamp(float(load_id), UTC)
        name, listed = self._enter_satellite(schema, extracted, moment)
        keys = self._hash(package, files, name)
        count = len(keys)
        hub = keys.append_column("first_seen", _repeated(moment, count, pa.timestamp("us", "UTC")))
        hub = hub.append_column("source", _repeated(self._source, count, pa.string()))
        hub = hub.append_column("_dlt_load_id", _repeated(load_id, count, pa.string()))
        schema.tables[self.hub] = hub_schema(self.hub)
        _write(package, load_id, self.hub, hub)
        if not listed:
            line = {
                "satellite": name,
                "asset": self._asset,
                "source": self._source,
                "tag_columns": json.dumps(self._columns),
            }
            satellite: Any = schema.tables[name]
            opened = datetime.fromtimestamp(float(satellite[VAULT]["opened"]), UTC)
            row = pa.table({key: [value] for key, value in line.items()})
            row = row.append_column("opened_at", _repeated(opened, 1, pa.timestamp("us", "UTC")))
            schema.tables[self._list] = satellites_schema(self._list)
            _write(package, load_id, self._list, row)

    def _enter_satellite(self, schema: Schema, extracted: Any, moment: datetime) -> tuple[str, bool]:
        """Enters the satellite for the rows; returns its name, and whether the list of satellites is up to date."""
        newest = newest_satellite(schema.tables)
        known: Any = schema.tables[newest] if newest else {}
        name, opened = newest or self._first, moment.timestamp()
        if newest and (changed := find_changed_columns(known, extracted)):
            longest = schema.naming.max_length or len(name) + 64
            name = f"{self._first}_{moment:%Y%m%d_%H%M%S_%f}"
            name = schema.naming.shorten_identifier(name, name, longest)
            self.opened = {name: changed}
        elif newest:
            opened = known[VAULT]["opened"]
        hint = {"opened": opened, "columns": self._columns, "key": list(self.key)}
        schema.tables[name] = satellite_schema(deepcopy(extracted), name, hint)
        return name, name == newest and known[VAULT]["columns"] == self._columns

    def _hash(self, package: PackageStorage, files: list[str], satellite: str) -> pa.Table:
        """Writes the rows with their hashes to files of the satellite; returns the keys."""
        paths = [Path(package.storage.make_full_path(file)) for file in files]
        hashes = Hashes(self.key, paths[0].parent)
        try:
            for path in paths:
                parsed = _parsed(path.name)
                target = PackageStorage.build_job_file_name(satellite, parsed.file_id, 0, loader_file_format="parquet")
                _rewrite(path, path.with_name(target), hashes)
            return hashes.keys()
        finally:
            hashes.close()


def _rewrite(path: Path, target: Path, hashes: Hashes) -> None:
    """Writes the rows of a file that no earlier file has, with their hashes, to another file."""
    writer: pq.ParquetWriter | None = None
    with pq.ParquetFile(path) as file:
        for page in _pages(file):
            hashed = hashes.add(page)
            writer = writer or pq.ParquetWriter(target, hashed.schema)
            writer.write_table(hashed)
    if writer:
        writer.close()
    path.unlink()


def _pages(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for index in range(file.num_row_groups):
        page = file.read_row_group(index)
        if len(page):
            yield page


def _write(package: PackageStorage, load_id: str, table: str, rows: pa.Table) -> None:
    name = PackageStorage.build_job_file_name(
        table, ParsedLoadJobFileName.new_file_id(), 0, loader_file_format="parquet"
    )
    pq.write_table(rows, package.storage.make_full_path(package.get_job_file_path(load_id, "new_jobs", name)))


def _parsed(job: str) -> ParsedLoadJobFileName:
    return ParsedLoadJobFileName.parse(job)


def _repeated(value: Any, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)
