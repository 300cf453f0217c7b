"""Reads sheets of workbooks as dicts, because each cell has its own type: .xlsx, .xlsm, .xlsb, .xls and .ods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.files.formats.column_names import name_columns
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.sheets.cell_values import as_text, with_durations
from data_foundation.readers.files.formats.sheets.sheet_page import SheetColumns, without_empty_rows
from data_foundation.readers.files.page import Page
from data_foundation.suggestions import nearest
from data_foundation.workbook.error_cells import Cell, find_error_cells, is_open_document
from data_foundation.workbook.xlsx_file import UnreadableXlsxError, check_data_file

_PAGE_ROWS = 5_000


@dataclass(frozen=True)
class ExcelReader:
    """Reads one sheet of a workbook.

    Attributes:
        wanted: The hints of `columns` in `sources.yaml`, by column.
        sheet: Name of the sheet; None if the workbook has only one.
        header: True if the first row with a value names the columns; otherwise their names, or False for `column_1`,
            `column_2`.
        skip: Number of rows before the first row.
        notation: How texts in columns of numbers and times are written.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    sheet: str | None = None
    header: bool | Sequence[str] = True
    skip: int = 0
    notation: Notation = field(default_factory=Notation)

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of the sheet.

        Args:
            path: Path of the workbook.
            file: Name of the file in messages and in `_file`.

        Raises:
            EntryError: python-calamine is not installed.
            LoadError: The file is not a workbook, is encrypted, unpacks to more than it may, or has no such sheet.
        """
        try:
            import python_calamine as calamine  # noqa: PLC0415 - an extra, which most folders do not need
        except ImportError:
            raise EntryError(f"{file}: workbooks need python-calamine; install data-foundation[files]") from None
        try:
            check_data_file(path)
            # A file object: of a path, the ending would decide about the format.
            with path.open("rb") as content, calamine.load_workbook(content) as workbook:
                sheet = self._sheet(workbook, file)
                rows = map(with_durations, sheet.iter_rows()) if is_open_document(path) else sheet.iter_rows()
                yield from self._pages(rows, find_error_cells(path, sheet.name), file)
        except UnreadableXlsxError as error:
            raise LoadError(f"{file} {error}") from None
        except calamine.PasswordError:
            raise LoadError(f"{file} is encrypted; save it without a password") from None
        except calamine.CalamineError as error:
            raise LoadError(f"{file} is a damaged workbook: {error}") from None
        except (KeyError, ValueError, ParseError, BadZipFile, OSError) as error:
            raise LoadError(f"{file} is a damaged workbook: {error}") from None

    def _sheet(self, workbook: Any, file: str) -> Any:
        names = [one.name for one in workbook.sheets_metadata if str(one.typ).endswith(".WorkSheet")]
        if self.sheet is None and len(names) == 1:
            return workbook.get_sheet_by_name(names[0])
        if self.sheet not in names:
            hint = nearest(self.sheet, names) if self.sheet else "; set `sheet` to one of them"
            reason = f"no sheet '{self.sheet}'" if self.sheet else "several sheets"
            raise LoadError(f"{file} has {reason}; it has {', '.join(names)}{hint}")
        return workbook.get_sheet_by_name(self.sheet)

    def _pages(self, rows: Iterator[Sequence[Any]], errors: set[Cell], file: str) -> Iterator[Page]:
        numbered = without_empty_rows(islice(rows, self.skip, None), {row + 1 - self.skip for row, _ in errors})
        at, first = next(numbered, (0, ()))
        if not first:
            return
        width = max((index for index, cell in enumerate(first, 1) if cell != ""), default=len(first))
        headings = [None if cell == "" else as_text(cell) for cell in first[:width]]
        names = name_columns(width, headings if self.header is True else self.header or (), file)
        above = self.skip + (at if self.header is True else 0)
        columns = SheetColumns(names, self.wanted, self.notation, file, above, errors)
        if self.header is True:
            yield Page([])
            numbered = ((number - at, cells) for number, cells in numbered)
        else:
            yield columns.to_page([(at, first)])
        while rows_of_page := list(islice(numbered, _PAGE_ROWS)):
            yield columns.to_page(rows_of_page)
