"""Tables in PDF documents, as pdfplumber finds them: every column is text unless `columns` says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.files.formats.column_names import name_columns, same_names
from data_foundation.readers.files.formats.text_columns import Notation, build_query
from data_foundation.readers.files.formats.text_table import CELLS, convert
from data_foundation.readers.files.page import Page

Cells = Sequence[str | None]


@dataclass(frozen=True)
class PdfReader:
    """Reads the tables of PDF files.

    Attributes:
        wanted: What `columns` of `sources.yaml` says, by name.
        header: The first row of the first table names the columns; or their names, where it does not.
        tables_with: Headings; tables that have others are left out. Without, all tables of a document are one.
        table_settings: How pdfplumber finds tables, for instance `{vertical_strategy: text}` where no lines are drawn.
        notation: Of numbers and times.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    header: bool | Sequence[str] = True
    tables_with: Sequence[str] = ()
    table_settings: Mapping[str, Any] = field(default_factory=dict)
    notation: Notation = field(default_factory=Notation)

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a document, those of a page at a time.

        Args:
            path: Where it is.
            file: As it is called.

        Raises:
            EntryError: pdfplumber is not installed, or does not know a setting.
            LoadError: It is no PDF, is encrypted, or its tables are not alike.
        """
        names: list[str] | None = None
        before = 0
        for tables in _tables(path, file, self.table_settings):
            rows: list[Cells] = []
            for table in self._chosen(tables, names):
                headings, body = self._split(table, names)
                if names and len(table[0]) != len(names):
                    raise LoadError(
                        f"{file}: a table has {len(table[0])} columns ({', '.join(headings)}) and one before it "
                        f"{len(names)} ({', '.join(names)}); `tables_with: [...]` reads those with these headings alone"
                    )
                names = names or headings
                rows += body
            if names and rows:
                numbers = range(before + 1, before + len(rows) + 1)
                yield convert(rows, numbers, names, build_query(CELLS, names, self.wanted, self.notation), file)
                before += len(rows)
        if names is None:
            which = f"with the headings {', '.join(self.tables_with)}" if self.tables_with else "in it"
            raise LoadError(
                f"{file}: found no table {which}; where no lines are drawn say `table_settings: {{vertical_strategy: "
                "text, horizontal_strategy: text}`; a scan has no text"
            )

    def _chosen(self, tables: Sequence[Sequence[Cells]], names: Sequence[str] | None) -> Iterator[Sequence[Cells]]:
        for table in tables:
            # A table that goes on on the next page need not repeat its headings.
            goes_on = names is not None and table is tables[0] and len(table[0]) == len(names)
            if not self.tables_with or same_names(table[0], self.tables_with) or goes_on:
                yield table

    def _split(self, table: Sequence[Cells], names: Sequence[str] | None) -> tuple[list[str], Sequence[Cells]]:
        """Returns the headings of a table, and the rows below."""
        if self.header is not True:
            return name_columns(len(table[0]), self.header or ()), table
        headings = name_columns(len(table[0]), table[0])
        is_headed = names is None or same_names(table[0], names)
        return headings, table[1:] if is_headed else table


def _tables(path: Path, file: str, settings: Mapping[str, Any]) -> Iterator[Sequence[Sequence[Cells]]]:
    """Yields the tables of each page, whose rows are lists of cells."""
    try:
        import pdfplumber  # noqa: PLC0415 - nobody else needs it
        from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect  # noqa: PLC0415
        from pdfminer.psexceptions import PSException  # noqa: PLC0415
        from pdfplumber.utils.exceptions import PdfminerException  # noqa: PLC0415
    except ImportError:
        raise EntryError("PDF is read with pdfplumber; install data-foundation[files]") from None
    try:
        with pdfplumber.open(path) as document:
            for page in document.pages:
                yield [table for table in page.extract_tables(dict(settings)) if table and table[0]]
                page.close()
    except (PdfminerException, PSException) as error:
        cause = error.args[0] if error.args else error
        is_locked = isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError)
        raise LoadError(
            f"{file}: {'it is encrypted; store it without a password' if is_locked else 'it is no whole PDF'}"
        ) from None
    except (TypeError, ValueError) as error:
        raise LoadError(f"{file}: pdfplumber cannot read it: {error}") from None
