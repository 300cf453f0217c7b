"""Reads the tables that pdfplumber finds in PDF documents. A column is text unless `columns` has a type for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.files.formats.column_names import name_columns, same_names
from data_foundation.readers.files.formats.text_columns import Notation, build_query
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
        tables_with: Headings of the tables to read; if empty, all tables of a document are read as one.
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
        names: list[str] | None = None
        before = 0
        for tables in _tables(path, file, self.table_settings):
            rows: list[Cells] = []
            for table in self._chosen(tables, names):
                headings, body = self._split(table, names, file)
                if names and len(table[0]) != len(names):
                    raise LoadError(
                        f"{file}: a table has {len(table[0])} columns ({', '.join(headings)}) and one before it "
                        f"{len(names)} ({', '.join(names)}); set `tables_with` to the headings of the tables to read"
                    )
                names = names or headings
                rows += body
            if names and rows:
                numbers = range(before + 1, before + len(rows) + 1)
                yield convert(rows, numbers, names, build_query(CELLS_TABLE, names, self.wanted, self.notation), file)
                before += len(rows)
        if names is None:
            which = f" with the headings {', '.join(self.tables_with)}" if self.tables_with else ""
            raise LoadError(
                f"{file}: found no table{which}; for tables without lines set `table_settings: {{vertical_strategy: "
                "text, horizontal_strategy: text}`; a scanned page has no text"
            )

    def _chosen(self, tables: Sequence[Sequence[Cells]], names: Sequence[str] | None) -> Iterator[Sequence[Cells]]:
        for table in tables:
            # The first table of a page may continue the table of the page before, without headings.
            continues = names is not None and table is tables[0] and len(table[0]) == len(names)
            if not self.tables_with or same_names(table[0], self.tables_with) or continues:
                yield table

    def _split(
        self, table: Sequence[Cells], names: Sequence[str] | None, file: str
    ) -> tuple[list[str], Sequence[Cells]]:
        """Returns the column names of a table, and its rows without the headings."""
        if self.header is not True:
            return name_columns(len(table[0]), self.header or (), file), table
        headings = name_columns(len(table[0]), table[0], file)
        is_headed = names is None or same_names(table[0], names)
        return headings, table[1:] if is_headed else table


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
