"""The files of a load package that a page's rows are written to while dlt extracts: parquet, or dlt's own for dicts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

MOST_REPEATED = 64 * 2**10
"""Bytes of different values up to which a column of a page is written as a dictionary: longer ones, and ids, which
never repeat, are both written and loaded faster as they are."""


class _Parquet(ArrowToParquetWriter):
    """dlt's own writer with its settings, and fewer dictionaries."""

    @override
    def _create_writer(self, schema: pa.Schema) -> pq.ParquetWriter:
        told = self.parquet_format
        return pq.ParquetWriter(
            self._f,
            schema,
            flavor=told.flavor,
            version=told.version,
            compression=told.compression,
            data_page_size=told.data_page_size,
            coerce_timestamps=told.coerce_timestamps,
            allow_truncated_timestamps=told.allow_truncated_timestamps,
            use_compliant_nested_type=told.use_compliant_nested_type,
            write_page_index=told.write_page_index,
            use_content_defined_chunking=told.use_content_defined_chunking,
            dictionary_pagesize_limit=MOST_REPEATED,
        )


class _ParquetStorage(ExtractorItemStorage):
    """Files of Arrow tables in a package."""

    @override
    def _get_writer(self, load_id: str, schema_name: str, table_name: str) -> BufferedDataWriter[Any]:
        writer: BufferedDataWriter[Any] = super()._get_writer(load_id, schema_name, table_name)
        writer.writer_cls = _Parquet
        # Each page is a row group, however small: an interrupted load is known again by its pages.
        writer.buffer_max_items = 1
        return writer


class PackageFiles:
    """Files beside those that dlt writes itself, in the package that is being extracted.

    A thread of their own writes them, and does what comes before: while the next page is waited for, this one is made.

    Attributes:
        has_work: Whether there was something to do yet.
    """

    def __init__(self, schema: Schema) -> None:
        package = Container()[LoadPackageStateInjectableContext]
        self.load_id: str = package.load_id
        self._package: PackageStorage = package.storage
        self._schema = schema
        self._frames = _ParquetStorage(self._package, DataWriter.writer_spec_from_file_format("parquet", "arrow"))
        self._rows = ExtractorItemStorage(
            self._package, DataWriter.writer_spec_from_file_format("typed-jsonl", "object")
        )
        # The name lets the thread see what dlt has set up for this one.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=Container.thread_pool_prefix())
        self._reader = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()
        self.has_work = False

    def do(self, work: Callable[[], None]) -> None:
        """Has the thread do some work, when what it does is done.

        Raises:
            Exception: What the work before has raised.
        """
        self._submit(work, waiting=0)

    def do_with(self, read: Callable[[], Any], work: Callable[[Any], None]) -> None:
        """Does as `do`, with what a thread of its own has read meanwhile: at most while one other work is done.

        Raises:
            Exception: What work before has raised.
        """
        found = self._reader.submit(read)
        self._submit(lambda: work(found.result()), waiting=1)

    def _submit(self, work: Callable[[], None], waiting: int) -> None:
        self.wait(waiting)
        self.has_work = True
        self._pending.append(self._writer.submit(work))

    def write_tables(self, tables: Mapping[str, pa.Table], columns: Mapping[str, TTableSchemaColumns]) -> None:
        """Writes Arrow tables, each with all the columns that it has by now."""
        for name, table in tables.items():
            self._frames.write_data_item(self.load_id, self._schema.name, name, table, columns[name])

    def wait(self, but: int = 0) -> None:
        """Waits for the thread, until all its work `but` so much is done.

        Raises:
            Exception: What its work has raised.
        """
        while len(self._pending) > but:
            self._pending.popleft().result()

    def write_rows(self, table: str, rows: Sequence[Any]) -> None:
        """Writes dicts, which dlt will normalise."""
        self._rows.write_data_item(self.load_id, self._schema.name, table, list(rows), None)  # type: ignore[arg-type]

    def close(self) -> None:
        """Completes every file."""
        self.wait()
        self._shut_down()
        for storage in (self._frames, self._rows):
            storage.close_writers(self.load_id)

    def abandon(self) -> None:
        """Leaves the files as they are: nobody will read them."""
        self._shut_down()
        for storage in (self._frames, self._rows):
            storage.close_writers(self.load_id, skip_flush=True)

    def _shut_down(self) -> None:
        for threads in (self._reader, self._writer):
            threads.shutdown(cancel_futures=True)

    def drop_empty(self, table: str) -> None:
        """Removes the file without rows that dlt has written because it saw none of a table that is replaced."""
        ours = {file.file_path for storage in (self._frames, self._rows) for file in storage.closed_files(self.load_id)}
        for job in self._package.list_new_jobs(self.load_id):
            path = self._package.storage.make_full_path(job)
            if ParsedLoadJobFileName.parse(job).table_name == table and path not in ours:
                self._package.storage.delete(job)
