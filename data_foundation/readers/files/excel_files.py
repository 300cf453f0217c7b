"""Sheets of Excel workbooks: cells have types of their own, so rows are dicts."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from data_foundation.errors import EntryError, LoadError
from data_foundation.naming import normalize
from data_foundation.readers.files.column_names import name_columns
from data_foundation.readers.files.decompress import MOST_TIMES, most_bytes
from data_foundation.readers.files.page import FILE, ROW, BadRow, Page
from data_foundation.suggestions import nearest

_PAGE = 5_000
_OLE = b"\xd0\xcf\x11\xe0"
_ERROR = "e"


@dataclass(frozen=True)
class ExcelReader:
    """Reads sheets.

    Attributes:
        wanted: What `columns` of `sources.yaml` says, by name.
        sheet: Its name; there is only one without.
        header: The first row names the columns; or their names, where it does not.
        skip: Rows before.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    sheet: str | None = None
    header: bool | Sequence[str] = True
    skip: int = 0

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a sheet.

        Args:
            path: Where the workbook is.
            file: As it is called.

        Raises:
            EntryError: openpyxl is not installed.
            LoadError: It is no workbook, is encrypted, unpacks to too much, or has no such sheet.
        """
        try:
            import openpyxl  # noqa: PLC0415 - nobody else needs it
        except ImportError:
            raise EntryError("Excel is read with openpyxl; install data-foundation[files]") from None
        _check(path, file)
        try:
            with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as workbook:
                yield from self._pages(self._sheet(workbook, file), file)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
            raise LoadError(f"{file} is no whole workbook: {error}") from None

    def _sheet(self, workbook: Any, file: str) -> Any:
        names = workbook.sheetnames
        if self.sheet is None and len(names) == 1:
            return workbook[names[0]]
        if self.sheet not in names:
            hint = nearest(self.sheet, names) if self.sheet else "; say `sheet:`"
            said = f"no sheet '{self.sheet}'" if self.sheet else "several sheets"
            raise LoadError(f"{file} has {said}; it has {', '.join(names)}{hint}")
        return workbook[self.sheet]

    def _pages(self, sheet: Any, file: str) -> Iterator[Page]:
        # What a workbook says of a sheet's size is not always so.
        sheet.reset_dimensions()
        rows = (row for index, row in enumerate(sheet.iter_rows()) if index >= self.skip)
        first = next(rows, ())
        width = max((index for index, cell in enumerate(first, 1) if cell.value is not None), default=0)
        if not width:
            return
        is_headed = self.header is True
        headings = [None if cell.value is None else str(cell.value) for cell in first[:width]]
        names = name_columns(width, headings if self.header is True else self.header or ())
        hints = {normalize(name): hint.get("data_type") for name, hint in self.wanted.items()}
        kinds = [hints.get(normalize(name)) for name in names]
        good: list[dict[str, Any]] = []
        bad: list[BadRow] = []
        for number, row in enumerate(rows if is_headed else _again(first, rows), 1):
            cells = [cell for cell in row if cell.value is not None]
            if reason := _fault(row, width):
                bad.append(BadRow(number, ",".join(str(cell.value) for cell in cells), reason))
            elif cells:
                values = (_value(cell.value, kind) for cell, kind in zip(row, kinds, strict=False))
                good.append({**dict(zip(names, values, strict=False)), FILE: file, ROW: number})
            if len(good) + len(bad) >= _PAGE:
                yield Page(good, bad)
                good, bad = [], []
        yield Page(good or None, bad)


def _again(first: Any, rows: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rows


def _fault(row: Sequence[Any], width: int) -> str:
    """Returns what is wrong with a row, "" where nothing is."""
    if wrong := next((cell for cell in row if cell.value is not None and cell.data_type == _ERROR), None):
        return f"cell {wrong.coordinate} is an error, {wrong.value}"
    if beyond := next((cell for cell in row[width:] if cell.value is not None), None):
        return f"cell {beyond.coordinate} stands beyond the {width} columns of the first row"
    return ""


def _value(value: Any, kind: str | None) -> Any:
    """Returns a cell's value: Excel has but one kind of numbers, and no dates without a time."""
    if kind == "decimal" and isinstance(value, float):
        return Decimal(repr(value))
    if kind == "date" and isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if kind == "text" and isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return value


def _check(path: Path, file: str) -> None:
    """Refuses what is no workbook before anything is unpacked."""
    with path.open("rb") as content:
        if content.read(4) == _OLE:
            raise LoadError(
                f"{file} is encrypted, or of Excel's format before 2007; store it as .xlsx without a password"
            )
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile:
        raise LoadError(f"{file} is no whole workbook") from None
    if unpacked > most_bytes(path.stat().st_size):
        raise LoadError(f"{file} unpacks to more than {MOST_TIMES} times its size, as a zip bomb does")
