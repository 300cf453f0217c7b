"""Pages of rows gathered to larger ones, and each of these sent on its way: in columns, or row by row as dlt has it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema import Schema

from data_foundation.errors import ValueRefused
from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.column_split import Taken
from data_foundation.rows.columnar.converter import Converter
from data_foundation.rows.columnar.json_reader import JsonReader, as_line
from data_foundation.rows.columnar.package_files import PackageFiles
from data_foundation.rows.columnar.rows_as_json import read_plain
from data_foundation.rows.exact.row_validator import Rows
from data_foundation.rows.exact.value_rules import Unacceptable
from data_foundation.rows.json_documents import read_document

MOST_ROWS = 50_000
"""Rows that are converted at once."""

FIRST_ROWS = 1_000
"""Rows that are converted first, from which is learned what the others are read by."""

MOST_BYTES = 32 * 2**20
"""Estimated size of such rows."""

MOST_JSON = 8 * 2**20
"""Bytes of JSON that are read into columns at once."""

LONGEST_SECONDS = 5.0
"""How long rows wait for others, where nothing speaks against it."""


@dataclass(frozen=True)
class _Page:
    """What is converted at once.

    Attributes:
        rows: Returns it as rows.
        read: What Arrow has read of it, where nothing is new in it.
        is_counted: Whether it was known how many rows it has before it was read.
    """

    rows: Callable[[], list[Any]]
    read: Taken | None = None
    is_counted: bool = True


class Pages:
    """The rows of one table on their way into the load package.

    Attributes:
        added: Rows that have come in so far.
        sent: Those of them that have been sent on.
        kept: Those of these that the contract lets in.
        slow: How many pages took dlt's own path, by the reason.
    """

    def __init__(self, rows: Rows, *, hurry: bool) -> None:
        """Takes what looks at rows one by one.

        Args:
            rows: Of the table.
            hurry: Rows wait for `LONGEST_SECONDS` at most. Where a load is told from another one by its pages, how
                they are cut must not depend on the clock.
        """
        self._rows = rows
        self._schema: Schema = dlt.current.source_schema()
        self._files = PackageFiles(self._schema)
        self._converter = Converter(rows, self._files.load_id)
        self._hurry = hurry
        self._gathered: list[Any] = []
        self._documents: list[bytes] = []
        self._bytes = 0.0
        self._since = 0.0
        self.added = self.sent = self.kept = 0
        self.slow: Counter[str] = Counter()
        self._pages = 0

    def add(self, page: Sequence[Any]) -> None:
        """Gathers rows, and sends them on when there are enough of them.

        Raises:
            ValueRefused: A value of a page before would be changed or lost.
        """
        self._flush_documents()
        self.added += len(page)
        if not self._gathered:
            self._since = time.monotonic()
        start = 0
        while start < len(page):
            most = self._most_rows
            # A copy more of a page that fits would touch each of its rows again.
            part = page[start : start + most] if start or len(page) > most else page
            start += len(part)
            if len(self._gathered) + len(part) > MOST_ROWS:
                self._flush_rows()
            self._gathered += part
            self._bytes += len(part) * _estimate(part)
            if len(self._gathered) >= most or self._bytes >= MOST_BYTES or self._is_late:
                self._flush_rows()

    def add_document(self, document: bytes) -> None:
        """Gathers rows that are JSON; those of which nothing is new are never anything else before they are columns.

        Raises:
            ValueRefused: As for `add`; or one before is no JSON.
        """
        if not self._files.has_work:
            # What there is to learn is learned from rows.
            self.add(read_document(document))
            return
        self._flush_rows()
        if not self._documents:
            self._since = time.monotonic()
        self._documents.append(document)
        self._bytes += len(document)
        if self._bytes >= MOST_JSON or self._is_late:
            self._flush_documents()

    @property
    def _most_rows(self) -> int:
        return MOST_ROWS if self._files.has_work else min(FIRST_ROWS, MOST_ROWS)

    @property
    def _is_late(self) -> bool:
        return self._hurry and time.monotonic() - self._since > LONGEST_SECONDS

    def _flush_rows(self) -> None:
        if self._gathered:
            page, self._gathered, self._bytes = self._gathered, [], 0.0
            self._flush(partial(_read_rows, page))

    def _flush_documents(self) -> None:
        if self._documents:
            documents, self._documents, self._bytes = self._documents, [], 0.0
            self._flush(partial(_read_documents, documents))

    def _flush(self, read: Callable[[JsonReader | None], _Page]) -> None:
        if not self._converter.has_learned:
            # The first page says what the others can be read by.
            self._files.wait()
        try:
            reader = self._converter.reader()
        except NotColumnar:
            self._files.do(partial(self._send_page, read(None)))
        else:
            self._files.do_with(partial(read, reader), self._send_page)

    def _send_page(self, page: _Page) -> None:
        """Writes what Arrow has read, or else the rows."""
        before = self.sent
        if page.read is None or not self._send_read(page.read):
            rows = page.rows()
            for start in range(0, len(rows), MOST_ROWS):
                self._send(rows[start : start + MOST_ROWS])
        if not page.is_counted:
            self.added += self.sent - before

    def _send_read(self, read: Taken) -> bool:
        try:
            tables = self._converter.convert_read(read)
        except NotColumnar:
            return False
        self._write(tables, read.count)
        return True

    def _send(self, page: list[Any]) -> None:
        """Writes rows, in columns or as dlt has it."""
        ahead = self._rows.ahead
        before = ahead.known()
        try:
            tables = self._converter.convert(page)
        except (NotColumnar, ValueRefused, Unacceptable) as reason:
            ahead.know(before)
            # What is refused for good is refused there too, with the row that is to blame.
            kept = self._rows.take(page, self.sent)
            # The looking entered what is new value by value; dlt does it row by row, and only of rows that are kept.
            ahead.know(before)
            with suppress(Unacceptable):  # dlt itself will say so
                ahead.explore(kept)
            if kept:
                self._files.write_rows(self._rows.root.name, kept)
            self.slow[str(reason)] += 1
            self._count(len(page), len(kept))
        else:
            self._write(tables, len(page))

    def _write(self, tables: Mapping[str, pa.Table], count: int) -> None:
        schema = self._rows.ahead.schema
        self._files.write_tables(tables, {name: schema.get_table_columns(name) for name in tables})
        self._count(count, count)

    def _count(self, sent: int, kept: int) -> None:
        self.sent += sent
        self.kept += kept
        self._pages += 1

    def finish(self) -> None:
        """Sends on the rest, completes the files and tells dlt's schema what the tables have become."""
        try:
            self._flush_documents()
            self._flush_rows()
            self._files.close()
        except BaseException:
            self._files.abandon()
            raise
        if not self.kept:
            return
        self._files.drop_empty(self._rows.root.name)
        for name, table in self._rows.ahead.schema.tables.items():
            if self._schema.tables.get(name) != table:
                self._schema.update_table(table, normalize_identifiers=False)

    def abandon(self) -> None:
        """Forgets what has been gathered."""
        self._files.abandon()

    def told(self) -> list[str]:
        """Returns how many pages took dlt's own path, and why."""
        return [
            f"{count} of {self._pages} pages took dlt's own, slower path: {reason}"
            for reason, count in self.slow.items()
        ]


def _read_rows(rows: list[Any], reader: JsonReader | None) -> _Page:
    if reader:
        with suppress(NotColumnar):
            taken, line = read_plain(reader, rows)
            # Rows take several times the memory of their JSON.
            return _Page(lambda: read_document(line)[0][""], taken)
    return _Page(lambda: rows)


def _read_documents(documents: Sequence[bytes], reader: JsonReader | None) -> _Page:
    def rows() -> list[Any]:
        return [row for document in documents for row in read_document(document)]

    if reader:
        with suppress(NotColumnar):
            return _Page(rows, reader.read([as_line(document) for document in documents]), is_counted=False)
    return _Page(rows, is_counted=False)


def _estimate(rows: Sequence[Any]) -> float:
    """Returns about how many bytes a row takes, by a few of them."""
    some = rows[:: max(1, len(rows) // 8)]
    return sum(map(_size, some)) / max(1, len(some))


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values())) + 8 * len(value)
    if isinstance(value, list | tuple):
        return sum(map(_size, value)) + 8 * len(value)
    return len(value) if isinstance(value, str | bytes) else sys.getsizeof(value)
