"""The sheet as cells: which columns it has, what each row holds, and what no cell may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from data_foundation.config.messages import unknown_key
from data_foundation.suggestions import nearest
from data_foundation.workbook import SHEET
from data_foundation.workbook.columns import COLUMNS, NUMBERS, REQUIRED, VALUES, WORDS
from data_foundation.workbook.xlsx_file import Unreadable, merged_cells, open_workbook

MOST_ROWS = 20_000
"""Rows that hold something: beyond any list of tables."""

Fault = tuple[str, str]
"""The cell, for instance F7 ("" for the sheet as a whole), and what is wrong."""

_NUMERIC = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)")


@dataclass(frozen=True)
class SheetRow:
    """One row that holds something.

    Attributes:
        number: 1-based.
        letters: Of the sheet's columns, by their names; the same for all rows.
        values: Of its cells that are not empty, by column.
        faults: What ails its cells, by column.
    """

    number: int
    letters: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def cell(self, column: str) -> str:
        """Returns the cell of a column; of one that the sheet lacks the row's first."""
        return f"{self.letters.get(column, 'A')}{self.number}"


def read_sheet(file: Path) -> tuple[list[SheetRow], list[Fault]]:
    """Returns the rows of the sheet, and what ails it as a whole.

    Raises:
        Unreadable: There is no such sheet, or the file cannot be read.
    """
    with open_workbook(file) as (book, texts):
        if SHEET not in book.sheetnames:
            names = ", ".join(f"'{name}'" for name in book.sheetnames)
            raise Unreadable(f"has no sheet '{SHEET}'; it has {names}{_alike(book.sheetnames)}")
        sheet = book[SHEET]
        faults = [
            (cells, "the cells are merged; accepted is one value in each cell: unmerge them, and fill each")
            for cells in merged_cells(texts.get(str(sheet._worksheet_path).lstrip("/"), b""))  # noqa: SLF001 - nothing public tells it
        ]
        try:
            sheet.reset_dimensions()  # what some programs write of it is wrong
            rows = enumerate(sheet.iter_rows(), 1)
            letters = _read_header(next(rows, (1, ()))[1], faults)
            return list(_read_rows(rows, letters, faults)), faults
        except Unreadable:
            raise
        except Exception as error:  # noqa: BLE001 - a broken file makes openpyxl raise nearly anything
            raise Unreadable(f"is no workbook that can be read: {type(error).__name__}: {error}") from None


def _alike(names: Sequence[str]) -> str:
    found = next((name for name in names if name.strip().lower() == SHEET.lower()), names[0] if len(names) == 1 else "")
    return f". Rename '{found}' to {SHEET}" if found else nearest(SHEET, names)


def _read_header(cells: Sequence[Any], faults: list[Fault]) -> dict[str, str]:
    """Returns the letters of the columns by their names."""
    letters: dict[str, str] = {}
    for cell in cells:
        if _is_empty(cell):
            continue
        name = str(cell.value).strip().lower()
        if name not in COLUMNS:
            faults.append((cell.coordinate, unknown_key(str(cell.value).strip(), COLUMNS).replace("key", "column", 1)))
        elif name in letters:
            faults.append((cell.coordinate, f"the column '{name}' is there twice, first in {letters[name]}1; keep one"))
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
        if (count := count + 1) > MOST_ROWS:
            faults.append((f"A{number}", f"more than {MOST_ROWS:,} rows hold something; accepted is one row a table"))
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
    """Returns what a cell holds, in the type of its column.

    Raises:
        ValueError: It holds something else.
    """
    value, kind = cell.value, cell.data_type
    if kind == "f":
        raise ValueError("holds a formula; accepted is a value: copy the cell, and paste it as a value")
    if kind == "e":
        raise ValueError(f"holds the error {value}; accepted is a value")
    if column in NUMBERS:
        return _number(value)
    if column in VALUES:
        return _value(value)
    text = _text(value)
    return next((word for word in WORDS.get(column, ()) if word.lower() == text.lower()), text)


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMERIC.fullmatch(value.strip()):
        raise ValueError(_as_text(value))
    raise ValueError(f"got {_shown(value)}; accepted is a whole number")


def _value(value: Any) -> Any:
    if isinstance(value, str):
        if _NUMERIC.fullmatch(value.strip()):
            raise ValueError(_as_text(value))
        return value.strip()
    if isinstance(value, datetime) and value.time() == time():
        return value.date()  # a day, which Excel has no type for
    if isinstance(value, date | int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"got {_shown(value)}; accepted: a date, a date and time, a number, or a text")


def _text(value: Any) -> str:
    if isinstance(value, date | time | timedelta):
        message = f"Excel made {_shown(value)} of it; accepted is text: format the cell as text, and type it anew"
        raise ValueError(message)  # noqa: TRY004 - like all that a cell should not hold
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).upper() if isinstance(value, bool) else str(value).strip()


def _as_text(value: str) -> str:
    return f"got the text '{value.strip()}'; accepted is a number: format the cell as a number, and type it anew"


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).upper() if isinstance(value, bool) else str(value)
