"""The way of one page of rows into the load package: read or split into columns, convert, write; else check, write."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables
from dlt.common.schema.utils import get_root_table

from data_foundation.errors import ValueRefused
from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.column_split import TablePart
from data_foundation.rows.columnar.converter import Converter
from data_foundation.rows.columnar.json_reader import JsonReader, as_line
from data_foundation.rows.columnar.rows_as_json import read_plain
from data_foundation.rows.exact.landed_hash import with_landed_hashes
from data_foundation.rows.exact.row_validator import RowValidator
from data_foundation.rows.exact.value_rules import Unacceptable
from data_foundation.rows.held_rows import HeldRows
from data_foundation.rows.json_documents import read_document
from data_foundation.rows.package_files import PackageFiles


@dataclass(frozen=True)
class _Page:
    """Rows that are converted at once.

    Attributes:
        rows: Returns them as Python objects.
        columns: Their columns as Arrow read them, None if something in them is new.
        is_counted: True if the number of rows was known before they were read.
    """

    rows: Callable[[], list[Any]]
    columns: TablePart | None = None
    is_counted: bool = True


class PageRoute:
    """Sends the pages of one table into the load package, in their order.

    Attributes:
        sent: Rows written or discarded so far.
        kept: Those of them that were written.
        late: Those of them that were counted only when they were read: the rows of JSON documents.
        pages: Pages written so far.
        has_begun: True once a page was sent.
        slow: How many pages were checked row by row, by the reason.
    """

    def __init__(self, validator: RowValidator, writing: Writing) -> None:
        self._validator = validator
        self._preview = validator.preview
        self._table = validator.shape.name
        self._schema: Schema = dlt.current.source_schema()
        self._files = writing.files
        self._converter = Converter(validator.shape, self._files.load_id)
        self._threads = writing.threads
        self.sent = self.kept = self.late = self.pages = 0
        self.has_begun = False
        self.slow: Counter[str] = Counter()

    def reads_json(self) -> bool:
        """Returns whether Arrow may be able to read the next rows as JSON: columns and types are known.

        Raises:
            ValueRefused: A value of a page before would be changed or lost.
        """
        return self._reader() is not None

    def send_rows(self, rows: HeldRows, most: int) -> None:
        """Sends rows, on another thread.

        Args:
            rows: At least one.
            most: Rows that are converted at once.

        Raises:
            ValueRefused: A value of a page before would be changed or lost.
        """
        self._send(partial(_read_rows, rows), most)

    def send_documents(self, documents: Sequence[bytes], most: int) -> None:
        """Sends JSON documents; see `send_rows`."""
        self._send(partial(_read_documents, documents), most)

    def _send(self, read: Callable[[JsonReader | None], _Page], most: int) -> None:
        reader = self._reader()
        self.has_begun = True
        if reader:
            self._threads.run_with(partial(read, reader), partial(self._write_page, most))
        else:
            self._threads.run(partial(self._write_page, most, read(None)))

    def _reader(self) -> JsonReader | None:
        if not self._converter.has_learned:
            # The columns of the first page make the reader of the others.
            self._threads.wait()
        try:
            return self._converter.reader()
        except NotColumnar:
            return None

    def _write_page(self, most: int, page: _Page) -> None:
        before = self.sent
        if page.columns is None or not self._convert_columns(page.columns):
            rows = page.rows()
            for start in range(0, len(rows), most):
                self._convert_rows(rows[start : start + most])
        if not page.is_counted:
            self.late += self.sent - before

    def _convert_columns(self, columns: TablePart) -> bool:
        try:
            tables = self._converter.convert_columns(columns)
        except NotColumnar:
            return False
        self._write_tables(tables, columns.count)
        return True

    def _convert_rows(self, rows: list[Any]) -> None:
        before = self._preview.snapshot()
        try:
            tables = self._converter.convert(rows)
        except (NotColumnar, ValueRefused, Unacceptable) as reason:
            self._check_rows(rows, before, str(reason))
        else:
            self._write_tables(tables, len(rows))

    def _check_rows(self, rows: list[Any], before: TSchemaTables, reason: str) -> None:
        """Checks rows one by one, and writes those that the schema contract keeps as dicts."""
        self._preview.restore(before)
        # A page that must be refused is refused here, with the row named.
        kept = self._validator.check(rows, self.sent)
        # The check entered new columns value by value; dlt enters them row by row, and only those of kept rows.
        self._preview.restore(before)
        with suppress(Unacceptable):  # dlt itself raises an error that names it
            self._preview.explore(kept)
        if kept:
            self._files.write_rows(self._table, with_landed_hashes(kept, self._preview))
        self.slow[reason] += 1
        self._count(len(rows), len(kept))

    def _write_tables(self, tables: Mapping[str, pa.Table], count: int) -> None:
        schema = self._preview.schema
        self._files.write_tables(self._table, tables, {name: schema.get_table_columns(name) for name in tables})
        self._count(count, count)

    def _count(self, sent: int, kept: int) -> None:
        self.sent += sent
        self.kept += kept
        self.pages += 1

    def settle(self) -> None:
        """Waits for every page.

        Raises:
            ValueRefused: A value of a page would be changed or lost.
        """
        self._threads.wait()

    def update_schema(self, others: Collection[str]) -> None:
        """Enters the tables and columns of the pages into dlt's schema.

        Args:
            others: The resource's other tables; the preview has them as they were when it began.
        """
        tables = self._preview.schema.tables
        for name, table in tables.items() if self.kept else ():
            if self._schema.tables.get(name) != table and get_root_table(tables, name)["name"] not in others:
                self._schema.update_table(table, normalize_identifiers=False)


class Writing:
    """What all tables of a resource share: the files of the load package, and two threads.

    Attributes:
        files: The files.
        threads: The threads, which convert and write the pages of all tables, in their order.
    """

    def __init__(self) -> None:
        self.files = PackageFiles(dlt.current.source_schema())
        self.threads = _Threads()

    def close(self) -> None:
        """Waits for every page and completes the files.

        Raises:
            ValueRefused: A value of a page would be changed or lost.
        """
        self.threads.wait()
        self.threads.stop()
        self.files.close()

    def abandon(self) -> None:
        """Stops; the files are incomplete and will not be loaded."""
        self.threads.stop()
        self.files.abandon()


class _Threads:
    """Two threads: one reads the next page while the other converts and writes this one, in their order."""

    def __init__(self) -> None:
        # The name gives the thread dlt's configuration of this one.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=Container.thread_pool_prefix())
        self._reader = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()

    def run(self, write: Callable[[], None]) -> None:
        """Starts work when all work before is done.

        Raises:
            Exception: As raised by work before.
        """
        self._submit(write, waiting=0)

    def run_with(self, read: Callable[[], _Page], write: Callable[[_Page], None]) -> None:
        """Starts to read at once, while at most one piece of work is not done; passes the page to `write`.

        Raises:
            Exception: As raised by work before.
        """
        page = self._reader.submit(read)
        self._submit(lambda: write(page.result()), waiting=1)

    def _submit(self, work: Callable[[], None], waiting: int) -> None:
        self.wait(waiting)
        self._pending.append(self._writer.submit(work))

    def wait(self, but: int = 0) -> None:
        """Waits until all work `but` so many pieces is done.

        Raises:
            Exception: As raised by the work.
        """
        while len(self._pending) > but:
            self._pending.popleft().result()

    def stop(self) -> None:
        """Waits for the work that has begun, and cancels the rest."""
        for threads in (self._reader, self._writer):
            threads.shutdown(cancel_futures=True)


def _read_rows(held: HeldRows, reader: JsonReader | None) -> _Page:
    if reader and held.arrays:
        with suppress(NotColumnar):
            return _Page(held.rows, read_plain(reader, held.arrays))
    return _Page(held.rows)


def _read_documents(documents: Sequence[bytes], reader: JsonReader | None) -> _Page:
    def rows() -> list[Any]:
        return [row for document in documents for row in read_document(document)]

    if reader:
        with suppress(NotColumnar):
            return _Page(rows, reader.read([as_line(document) for document in documents]), is_counted=False)
    return _Page(rows, is_counted=False)
