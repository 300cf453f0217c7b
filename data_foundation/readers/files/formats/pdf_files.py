"""Reads the tables that pdfplumber finds in PDF documents. A column is text unless `columns` has a type for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.files.formats.column_names import has_names, name_columns, same_names
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.text_columns import build_query
from data_foundation.readers.files.formats.text_table import CELLS_TABLE, convert
from data_foundation.readers.files.page import Page

Cells = Sequence[str | None]


@dataclass(frozen=True)
class PdfReader:
    """Reads the tables of PDF files.

    Attributes:
        wanted: The hints of `columns` in `sources.yaml`, by column.
        header: True if the first row of the first table names the columns; otherwise their names, or False for
            `column_1`, `column_2`.
        tables_with: Headings that the tables to read have, beside others; if empty, all tables of a document are read
            as one.
        table_settings: pdfplumber's settings, for instance `{vertical_strategy: text}` for tables without lines.
        notation: How the file writes numbers and times.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    header: bool | Sequence[str] = True
    tables_with: Sequence[str] = ()
    table_settings: Mapping[str, Any] = field(default_factory=dict)
    notation: Notation = field(default_factory=Notation)

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a document, one page of the document at a time.

        Args:
            path: Path of the document.
            file: Name of the file in messages and in `_file`.

        Raises:
            EntryError: pdfplumber is not installed.
            LoadError: The file is not a PDF, is encrypted, has no table, or its tables have different columns.
        """
        found = _FoundTables(self, file)
        before = 0
        for tables in _tables(path, file, self.table_settings):
            rows = found.take(tables)
            if rows:
                yield self._page(found.names, rows, before, file)
                before += len(rows)
        if not found.names:
            which = f" with the headings {', '.join(self.tables_with)}" if self.tables_with else ""
            raise LoadError(
                f"{file}: found no table{which}; for tables without lines set `table_settings: {{vertical_strategy: "
                "text, horizontal_strategy: text}`; a scanned page has no text"
            )
        if not before:
            yield self._page(found.names, [], 0, file)

    def _page(self, names: Sequence[str], rows: Sequence[Cells], before: int, file: str) -> Page:
        numbers = range(before + 1, before + len(rows) + 1)
        return convert(rows, numbers, names, build_query(CELLS_TABLE, names, self.wanted, self.notation), file)


class _FoundTables:
    """The tables of one document, which are read as one.

    Attributes:
        names: Names of the columns; empty before the first table.
    """

    def __init__(self, reader: PdfReader, file: str) -> None:
        self.names: Sequence[str] = ()
        self._reader, self._file = reader, file
        self._is_open = False

    def take(self, tables: Sequence[Sequence[Cells]]) -> list[Cells]:
        """Returns the rows of a page, from those of its tables that are to be read.

        Raises:
            LoadError: A table has other columns than those before it.
        """
        rows: list[Cells] = []
        self._is_open = self._is_open and bool(tables)
        for number, table in enumerate(tables):
            # The first table of a page may continue the last one of the page before, without headings.
            continues = number == 0 and self._is_open and len(table[0]) == len(self.names)
            self._is_open = continues or self._is_wanted(table[0])
            if self._is_open:
                rows += self._without_headings(table, continues=continues)
        return rows

    def _is_wanted(self, headings: Cells) -> bool:
        return not self._reader.tables_with or has_names(headings, self._reader.tables_with)

    def _without_headings(self, table: Sequence[Cells], *, continues: bool) -> Sequence[Cells]:
        header, names = self._reader.header, self.names
        if not names:
            self.names = name_columns(len(table[0]), table[0] if header is True else header or (), self._file)
            return table[1:] if header is True else table
        if header is True and same_names(table[0], names):
            return table[1:]
        if continues or (header is not True and len(table[0]) == len(names)):
            return table
        first = ", ".join(" ".join((cell or "").split()) for cell in table[0])
        raise LoadError(
            f"{self._file}: a table has {len(table[0])} columns ({first}) and one before it {len(names)} "
            f"({', '.join(names)}); set `tables_with` to headings that only the tables to read have"
        )


def _tables(path: Path, file: str, settings: Mapping[str, Any]) -> Iterator[Sequence[Sequence[Cells]]]:
    """Yields for each page its tables: lists of rows, which are lists of cells."""
    try:
        import pdfplumber  # noqa: PLC0415 - slow to import, and only PDF files need it
        from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect  # noqa: PLC0415
        from pdfminer.psexceptions import PSException  # noqa: PLC0415
        from pdfplumber.utils.exceptions import PdfminerException  # noqa: PLC0415
    except ImportError:
        raise EntryError(f"{file}: PDF files need pdfplumber; install data-foundation[files]") from None
    try:
        with pdfplumber.open(path) as document:
            for page in document.pages:
                yield [table for table in page.extract_tables(dict(settings)) if table and table[0]]
                page.close()
    except (PdfminerException, PSException) as error:
        cause = error.args[0] if error.args else error
        is_locked = isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError)
        reason = "the PDF is encrypted; save it without a password" if is_locked else "not a complete PDF"
        raise LoadError(f"{file}: {reason}") from None
    except (TypeError, ValueError) as error:
        raise LoadError(f"{file}: pdfplumber cannot read it: {error}") from None
