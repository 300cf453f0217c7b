"""Reads sheets of Excel workbooks as dicts, because each cell has its own type."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from data_foundation.errors import EntryError, LoadError
from data_foundation.naming import normalize
from data_foundation.readers.files.formats.column_names import name_columns
from data_foundation.readers.files.page import FILE, ROW, BadRow, Page
from data_foundation.suggestions import nearest
from data_foundation.workbook.xlsx_file import OpenpyxlMissingError, UnreadableXlsxError, open_xlsx

_PAGE_ROWS = 5_000
_ERROR_TYPE = "e"
"""openpyxl's data type of cells with an error."""


@dataclass(frozen=True)
class ExcelReader:
    """Reads one sheet of a workbook.

    Attributes:
        wanted: The hints of `columns` in `sources.yaml`, by column.
        sheet: Name of the sheet; None if the workbook has only one.
        header: True if the first row names the columns; otherwise their names, or False for `column_1`, `column_2`.
        skip: Number of rows before the first row.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    sheet: str | None = None
    header: bool | Sequence[str] = True
    skip: int = 0

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of the sheet.

        Args:
            path: Path of the workbook.
            file: Name of the file in messages and in `_file`.

        Raises:
            EntryError: openpyxl is not installed.
            LoadError: The file is not a workbook, is encrypted, unpacks to more than it may, or has no such sheet.
        """
        try:
            with open_xlsx(path, formulas=False) as workbook:
                yield from self._pages(self._sheet(workbook, file), file)
        except OpenpyxlMissingError as error:
            raise EntryError(f"{file} {error}") from None
        except UnreadableXlsxError as error:
            raise LoadError(f"{file} {error}") from None
        except (zipfile.BadZipFile, ParseError, KeyError, ValueError, OSError) as error:
            raise LoadError(f"{file} is a damaged workbook: {error}") from None

    def _sheet(self, workbook: Any, file: str) -> Any:
        names = workbook.sheetnames
        if self.sheet is None and len(names) == 1:
            return workbook[names[0]]
        if self.sheet not in names:
            hint = nearest(self.sheet, names) if self.sheet else "; set `sheet` to one of them"
            reason = f"no sheet '{self.sheet}'" if self.sheet else "several sheets"
            raise LoadError(f"{file} has {reason}; it has {', '.join(names)}{hint}")
        return workbook[self.sheet]

    def _pages(self, sheet: Any, file: str) -> Iterator[Page]:
        # Some programs store a wrong size of the sheet.
        sheet.reset_dimensions()
        rows = (row for index, row in enumerate(sheet.iter_rows()) if index >= self.skip)
        first = next(rows, ())
        width = max((index for index, cell in enumerate(first, 1) if cell.value is not None), default=0)
        if not width:
            return
        is_headed = self.header is True
        headings = [None if cell.value is None else str(cell.value) for cell in first[:width]]
        names = name_columns(width, headings if self.header is True else self.header or (), file)
        hints = {normalize(name): hint.get("data_type") for name, hint in self.wanted.items()}
        kinds = [hints.get(normalize(name)) for name in names]
        good: list[dict[str, Any]] = []
        bad: list[BadRow] = []
        for number, row in enumerate(rows if is_headed else chain([first], rows), 1):
            cells = [cell for cell in row if cell.value is not None]
            if reason := _fault(row, width):
                bad.append(BadRow(number, ",".join(str(cell.value) for cell in cells), reason))
            elif cells:
                values = (_value(cell.value, kind) for cell, kind in zip(row, kinds, strict=False))
                good.append({**dict(zip(names, values, strict=False)), FILE: file, ROW: number})
            if len(good) + len(bad) >= _PAGE_ROWS:
                yield Page(good, bad)
                good, bad = [], []
        yield Page(good or None, bad)


def _fault(row: Sequence[Any], width: int) -> str:
    """Returns the reason why a row cannot be loaded, or "" if it can."""
    if wrong := next((cell for cell in row if cell.value is not None and cell.data_type == _ERROR_TYPE), None):
        return f"cell {wrong.coordinate} contains the error {wrong.value}"
    if beyond := next((cell for cell in row[width:] if cell.value is not None), None):
        return f"cell {beyond.coordinate} is beyond the {width} columns of the first row"
    return ""


def _value(value: Any, kind: str | None) -> Any:
    """Returns a cell's value in the type of `kind`: Excel stores all numbers as floats, and dates with a time."""
    if kind == "decimal" and isinstance(value, float):
        return Decimal(repr(value))
    if kind == "date" and isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if kind == "text" and isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return value
