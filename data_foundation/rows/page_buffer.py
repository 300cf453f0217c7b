"""Gathers small pages of rows into larger ones, and cuts pages that are too large."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Sequence
from typing import Any

from data_foundation.rows.exact.row_validator import RowValidator
from data_foundation.rows.held_rows import HeldRows
from data_foundation.rows.json_documents import read_document
from data_foundation.rows.page_route import PageRoute, Writing

MOST_ROWS = 50_000
"""Rows that are converted at once."""

FIRST_ROWS = 1_000
"""Rows of the first page, whose columns and types make the reader of the others."""

MOST_BYTES = 32 * 2**20
"""Estimated size of the rows that are converted at once."""

MOST_JSON = 8 * 2**20
"""Bytes of JSON that are read at once."""

_SAMPLE = 8
"""Rows of a page whose size is measured, and small pages of which one is."""

LONGEST_SECONDS = 5.0
"""How long rows wait for others if `by_time` is set."""


class PageBuffer:
    """The rows of one table that wait for others.

    Attributes:
        added: Rows added so far; those of JSON documents count once they are read.
        sharing: How many tables share `MOST_BYTES`.
    """

    def __init__(self, validator: RowValidator, writing: Writing, *, by_time: bool) -> None:
        """Begins without rows.

        Args:
            validator: Checks the rows of the table.
            writing: Shared with the other tables of the resource.
            by_time: Whether rows wait for at most `LONGEST_SECONDS`. Must be False if two loads are compared by their
                pages: how these are cut must then not depend on the clock.
        """
        self._route = PageRoute(validator, writing)
        self._by_time = by_time
        self._rows: HeldRows | None = None
        self._documents: list[bytes] = []
        self._bytes = 0.0
        self._since = 0.0
        self._pages = 0
        self._row_bytes = 0.0
        self._count = 0
        self.added = 0
        self.sharing = 1

    @property
    def kept(self) -> int:
        """Rows written so far."""
        return self._route.kept

    def add(self, page: Sequence[Any]) -> None:
        """Adds rows.

        Raises:
            ValueRefused: A value of a page before would be changed or lost.
        """
        self._flush_documents()
        self._count += len(page)
        self.added = self._count + self._route.late
        if not self._rows:
            self._since = time.monotonic()
        start = 0
        while start < len(page):
            most = self._most_rows
            # Copying a page that fits would touch each of its rows once more.
            part = page[start : start + most] if start or len(page) > most else page
            start += len(part)
            if self._rows and len(self._rows) + len(part) > MOST_ROWS:
                self._flush_rows()
            self._rows = self._rows or HeldRows(as_json=self._route.reads_json())
            self._rows.add(part)
            self._bytes += len(part) * self._estimate(part)
            if len(self._rows) >= most or self._bytes >= MOST_BYTES / self.sharing or self._is_late:
                self._flush_rows()

    def add_document(self, document: bytes) -> None:
        """Adds the rows of a JSON document, which become Python objects only if something in them is new.

        Raises:
            ValueRefused: A value of a page before would be changed or lost, or a document before is no JSON.
        """
        if not self._route.has_begun:
            # The reader of documents is made from rows.
            self.add(read_document(document))
            return
        self._flush_rows()
        if not self._documents:
            self._since = time.monotonic()
        self._documents.append(document)
        self.added = self._count + self._route.late
        self._bytes += len(document)
        if self._bytes >= MOST_JSON or self._is_late:
            self._flush_documents()

    def _estimate(self, rows: Sequence[Any]) -> float:
        """Returns the estimated bytes of a row, measured for few small pages: it takes longer than to hold a row.

        It is not the length of the JSON, because how pages are cut must not depend on how they are held.
        """
        self._pages += 1
        if len(rows) >= _SAMPLE or self._pages < _SAMPLE or self._pages % _SAMPLE == 0:
            some = rows[:: max(1, len(rows) // _SAMPLE)]
            self._row_bytes = sum(map(_size, some)) / max(1, len(some))
        return self._row_bytes

    @property
    def _most_rows(self) -> int:
        return MOST_ROWS if self._route.has_begun else min(FIRST_ROWS, MOST_ROWS)

    @property
    def _is_late(self) -> bool:
        return self._by_time and time.monotonic() - self._since > LONGEST_SECONDS

    def _flush_rows(self) -> None:
        if self._rows:
            rows, self._rows, self._bytes = self._rows, None, 0.0
            self._route.send_rows(rows, MOST_ROWS)

    def _flush_documents(self) -> None:
        if self._documents:
            documents, self._documents, self._bytes = self._documents, [], 0.0
            self._route.send_documents(documents, MOST_ROWS)

    def settle(self) -> None:
        """Sends the rest, and waits until it is written.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        self._flush_documents()
        self._flush_rows()
        self._route.settle()

    def update_schema(self, others: Collection[str]) -> None:
        """Enters new tables and columns into dlt's schema, once all rows are settled; see `PageRoute`."""
        self._route.update_schema(others)

    def warnings(self) -> list[str]:
        """Returns one warning for each reason why pages were checked row by row, with their number."""
        return [
            f"{count} of {self._route.pages} pages took dlt's own, slower path: {reason}"
            for reason, count in self._route.slow.items()
        ]


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values())) + 8 * len(value)
    if isinstance(value, list | tuple):
        return sum(map(_size, value)) + 8 * len(value)
    return len(value) if isinstance(value, str | bytes) else sys.getsizeof(value)
