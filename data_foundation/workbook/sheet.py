"""Reads the cells of the sheet `SourceConfig`: its header, the values of each row, and the errors of single cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from data_foundation.config.messages import unknown_key
from data_foundation.suggestions import nearest
from data_foundation.workbook import SHEET
from data_foundation.workbook.columns import ACCEPTED_WORDS, COLUMNS, NUMBER_COLUMNS, REQUIRED, VALUE_COLUMNS
from data_foundation.workbook.xlsx_file import UnreadableXlsxError, find_merged_cells, open_xlsx

MAX_ROWS = 20_000
"""Largest number of rows with values, more than any list of tables has."""

Fault = tuple[str, str]
"""A cell, for instance F7 ("" for the whole sheet), and its error message."""

_NUMERIC = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)")


@dataclass(frozen=True)
class SheetRow:
    """One row with at least one value.

    Attributes:
        number: Number of the row in the sheet, from 1.
        letters: The letter of each column, by its name; the same for all rows.
        values: The values of the cells that are not empty, by column.
        faults: The error messages of invalid cells, by column.
    """

    number: int
    letters: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def cell(self, column: str) -> str:
        """Returns the cell of a column, for instance F7; the row's first cell if the sheet lacks the column."""
        return f"{self.letters.get(column, 'A')}{self.number}"


def read_sheet(file: Path) -> tuple[list[SheetRow], list[Fault]]:
    """Returns the rows of the sheet, and the errors of the whole sheet.

    Raises:
        UnreadableXlsxError: There is no such sheet, or the file cannot be read.
    """
    with catch_warnings():
        simplefilter("ignore")  # openpyxl warns of parts that only Excel supports
        with open_xlsx(file, formulas=True) as book:
            if SHEET not in book.sheetnames:
                names = ", ".join(f"'{name}'" for name in book.sheetnames)
                raise UnreadableXlsxError(f"has no sheet '{SHEET}'; it has {names}{_rename_hint(book.sheetnames)}")
            return _read_cells(file, book[SHEET])


def _read_cells(file: Path, sheet: Any) -> tuple[list[SheetRow], list[Fault]]:
    if not hasattr(sheet, "iter_rows"):
        raise UnreadableXlsxError(f"has a chart as its sheet '{SHEET}'; accepted is a sheet with cells")
    part = str(sheet._worksheet_path).lstrip("/")  # noqa: SLF001 - openpyxl 3.1 has no public name for it
    try:
        faults = [
            (cells, "the cells are merged; accepted is one value in each cell: unmerge the cells and fill each one")
            for cells in find_merged_cells(file, part)
        ]
        sheet.reset_dimensions()  # some programs store a wrong size of the sheet
        rows = enumerate(sheet.iter_rows(), 1)
        letters = _read_header(next(rows, (1, ()))[1], faults)
        return list(_read_rows(rows, letters, faults)), faults
    except Exception as error:  # noqa: BLE001 - a broken file makes openpyxl raise nearly anything
        raise UnreadableXlsxError(f"is not a readable workbook: {type(error).__name__}: {error}") from None


def _rename_hint(names: Sequence[str]) -> str:
    default = names[0] if len(names) == 1 else ""
    similar = next((name for name in names if name.strip().lower() == SHEET.lower()), default)
    return f". Rename '{similar}' to {SHEET}" if similar else nearest(SHEET, names)


def _read_header(cells: Sequence[Any], faults: list[Fault]) -> dict[str, str]:
    """Returns the letter of each column, by its name."""
    letters: dict[str, str] = {}
    for cell in cells:
        if _is_empty(cell):
            continue
        name = str(cell.value).strip().lower()
        if name not in COLUMNS:
            faults.append((cell.coordinate, unknown_key(str(cell.value).strip(), COLUMNS).replace("key", "column", 1)))
        elif name in letters:
            faults.append((cell.coordinate, f"the column '{name}' occurs twice, first in {letters[name]}1; keep one"))
        else:
            letters[name] = cell.column_letter
    if missing := [name for name in REQUIRED if name not in letters]:
        faults.append(("", f"the first row lacks the columns {', '.join(missing)}"))
    return letters


def _read_rows(
    rows: Iterator[tuple[int, Sequence[Any]]], letters: Mapping[str, str], faults: list[Fault]
) -> Iterator[SheetRow]:
    names = {letter: name for name, letter in letters.items()}
    count = 0
    for number, cells in rows:
        filled = [cell for cell in cells if not _is_empty(cell)]
        if not filled:
            continue
        if (count := count + 1) > MAX_ROWS:
            message = f"more than {MAX_ROWS:,} rows have values; accepted is one row for each table"
            faults.append((f"A{number}", message))
            return
        row = SheetRow(number, letters)
        for cell in filled:
            if column := names.get(cell.column_letter):
                try:
                    row.values[column] = _read_cell(column, cell)
                except ValueError as error:
                    row.faults[column] = str(error)
        yield row


def _is_empty(cell: Any) -> bool:
    return cell.value is None or (isinstance(cell.value, str) and not cell.value.strip())


def _read_cell(column: str, cell: Any) -> Any:
    """Returns the value of a cell in the type of its column.

    Raises:
        ValueError: The cell has a value of another type, a formula or an error.
    """
    value, kind = cell.value, cell.data_type
    if kind == "f":
        raise ValueError("contains a formula; accepted is a value: copy the cell and paste it as a value")
    if kind == "e":
        raise ValueError(f"contains the error {value}; accepted is a value")
    if column in NUMBER_COLUMNS:
        return _number(value)
    if column in VALUE_COLUMNS:
        return _value(value)
    text = _text(value)
    return next((word for word in ACCEPTED_WORDS.get(column, ()) if word.lower() == text.lower()), text)


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMERIC.fullmatch(value.strip()):
        raise ValueError(_number_as_text(value))
    raise ValueError(f"got {_shown(value)}; accepted is a whole number")


def _value(value: Any) -> Any:
    if isinstance(value, str):
        if _NUMERIC.fullmatch(value.strip()):
            raise ValueError(_number_as_text(value))
        return value.strip()
    if isinstance(value, datetime) and value.time() == time():
        return value.date()  # Excel has no type for dates without a time
    if isinstance(value, date | int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"got {_shown(value)}; accepted: a date, a date and time, a number, or a text")


def _text(value: Any) -> str:
    if isinstance(value, date | time | timedelta):
        message = f"Excel converted it to {_shown(value)}; accepted is text: format the cell as text and type it again"
        raise ValueError(message)  # noqa: TRY004 - the caller catches ValueError for every invalid cell
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).upper() if isinstance(value, bool) else str(value).strip()


def _number_as_text(value: str) -> str:
    return f"got the text '{value.strip()}'; accepted is a number: format the cell as a number and type it again"


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).upper() if isinstance(value, bool) else str(value)
