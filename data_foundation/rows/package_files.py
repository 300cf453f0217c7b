"""Writes rows into the load package while dlt extracts: Arrow tables to Parquet, dicts to dlt's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.configuration.container import Container
from dlt.common.data_writers import BufferedDataWriter, DataWriter
from dlt.common.data_writers.writers import ArrowToParquetWriter
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.common.storages import ParsedLoadJobFileName
from dlt.common.storages.load_package import LoadPackageStateInjectableContext, PackageStorage
from dlt.extract.storage import ExtractorItemStorage
from typing_extensions import override

from data_foundation.errors import ValueRefused

MOST_REPEATED = 64 * 2**10
"""Bytes of distinct values up to which a column of a page is dictionary-encoded: longer columns, and ids, which never
repeat, are written and loaded faster without a dictionary."""


class _Parquet(ArrowToParquetWriter):
    """dlt's Parquet writer with dlt's settings, but fewer dictionaries."""

    @override
    def _create_writer(self, schema: pa.Schema) -> pq.ParquetWriter:
        chosen = self.parquet_format
        return pq.ParquetWriter(
            self._f,
            schema,
            flavor=chosen.flavor,
            version=chosen.version,
            compression=chosen.compression,
            data_page_size=chosen.data_page_size,
            coerce_timestamps=chosen.coerce_timestamps,
            allow_truncated_timestamps=chosen.allow_truncated_timestamps,
            use_compliant_nested_type=chosen.use_compliant_nested_type,
            write_page_index=chosen.write_page_index,
            use_content_defined_chunking=chosen.use_content_defined_chunking,
            dictionary_pagesize_limit=MOST_REPEATED,
        )


class _ParquetStorage(ExtractorItemStorage):
    """The Parquet files of a package."""

    @override
    def _get_writer(self, load_id: str, schema_name: str, table_name: str) -> BufferedDataWriter[Any]:
        writer: BufferedDataWriter[Any] = super()._get_writer(load_id, schema_name, table_name)
        writer.writer_cls = _Parquet
        # Each page is one row group, however small: an interrupted load is recognised by its pages.
        writer.buffer_max_items = 1
        return writer


def most_buffered() -> int:
    """Returns the number of rows of a frame from which on dlt writes it at once."""
    spec = DataWriter.writer_spec_from_file_format("parquet", "arrow")
    writer: BufferedDataWriter[Any] = BufferedDataWriter(spec, "unused.%s")
    return writer.buffer_max_items


class PackageFiles:
    """Files beside dlt's own, in the package that is being extracted.

    Attributes:
        load_id: The package's load id.
    """

    def __init__(self, schema: Schema) -> None:
        package = Container()[LoadPackageStateInjectableContext]
        self.load_id: str = package.load_id
        self._package: PackageStorage = package.storage
        self._schema = schema
        self._roots: dict[str, str] = {}
        self._written: dict[str, pa.Schema] = {}
        self._retyped: set[str] = set()
        self._tables = _ParquetStorage(self._package, DataWriter.writer_spec_from_file_format("parquet", "arrow"))
        self._rows = ExtractorItemStorage(
            self._package, DataWriter.writer_spec_from_file_format("typed-jsonl", "object")
        )

    def write_tables(
        self, root: str, tables: Mapping[str, pa.Table], columns: Mapping[str, TTableSchemaColumns]
    ) -> None:
        """Writes Arrow tables, each with every column that its table has so far.

        Raises:
            ValueRefused: A table of another root has the same name.
        """
        for name, table in tables.items():
            if (other := self._roots.setdefault(name, root)) != root:
                raise ValueRefused(
                    f"rows of {other} and of {root} were sent to one table, {name}: it is that of a nested list too; "
                    "name another table"
                )
            before = self._written.get(name, table.schema)
            if any(table.schema.field(field.name).type != field.type for field in before):
                # A file has one type for each column.
                self._tables.close_writers(self.load_id)
                self._retyped.add(name)
            self._written[name] = table.schema
            self._tables.write_data_item(self.load_id, self._schema.name, name, table, columns[name])

    def write_rows(self, table: str, rows: Sequence[Any]) -> None:
        """Writes dicts, which dlt normalises later."""
        self._rows.write_data_item(self.load_id, self._schema.name, table, list(rows), None)  # type: ignore[arg-type]

    def close(self) -> None:
        """Completes every file."""
        for storage in (self._tables, self._rows):
            storage.close_writers(self.load_id)
        for file in self._tables.closed_files(self.load_id) if self._retyped else ():
            if (name := ParsedLoadJobFileName.parse(file.file_path).table_name) in self._retyped:
                _retype(Path(file.file_path), self._written[name])

    def abandon(self) -> None:
        """Closes the files as they are; the package will not be loaded."""
        for storage in (self._tables, self._rows):
            storage.close_writers(self.load_id, skip_flush=True)

    def drop_others(self, table: str) -> bool:
        """Removes the files of a table that were not written here, and returns whether there were any.

        dlt writes an empty file for a table that it must replace and of which it saw no rows.
        """
        ours = {file.file_path for storage in (self._tables, self._rows) for file in storage.closed_files(self.load_id)}
        others = [
            job
            for job in self._package.list_new_jobs(self.load_id)
            if ParsedLoadJobFileName.parse(job).table_name == table
            and self._package.storage.make_full_path(job) not in ours
        ]
        for job in others:
            self._package.storage.delete(job)
        return bool(others)

    def tables(self) -> set[str]:
        """Returns the tables of all files in the package."""
        jobs = self._package.list_new_jobs(self.load_id)
        return {ParsedLoadJobFileName.parse(job).table_name for job in jobs}


def _retype(path: Path, schema: pa.Schema) -> None:
    """Gives the columns of a file the types that they have in later files; every value stays exact."""
    with pq.ParquetFile(path) as file:
        wanted = pa.schema([field.with_type(schema.field(field.name).type) for field in file.schema_arrow])
        if wanted.equals(file.schema_arrow):
            return
        retyped = path.with_name(f"{path.name}.retyped")
        with pq.ParquetWriter(retyped, wanted, dictionary_pagesize_limit=MOST_REPEATED) as writer:
            for index in range(file.num_row_groups):
                writer.write_table(file.read_row_group(index).cast(wanted))
    retyped.replace(path)
