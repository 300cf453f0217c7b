"""Converts rows of cells to pages: values in the types of their columns, and bad rows with the cell at fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.naming import normalize
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.sheets.cell_values import Misfit, as_text, convert_cell
from data_foundation.readers.files.formats.text_columns import build_query, describe_accepted
from data_foundation.readers.files.formats.text_table import CELLS_TABLE, convert
from data_foundation.readers.files.page import FILE, ROW, BadRow, Page

_LETTERS = 26
_AS_THEY_ARE = frozenset({float, str, bool})
"""Types of cells that need no conversion in a column without a declared type."""

Numbered = tuple[int, Sequence[Any]]
"""A row of cells, and its number; an empty cell is an empty text."""


@dataclass(frozen=True)
class SheetColumns:
    """The columns of one sheet.

    Attributes:
        names: Their names.
        wanted: The hints of `columns` in `sources.yaml`, by column.
        notation: How texts in columns of numbers and times are written.
        file: Name of the file.
        above: Number of rows of the sheet above the row with number 1.
        errors: Row and column, from 0, of the cells with an error, which are empty in the rows.
    """

    names: Sequence[str]
    wanted: Mapping[str, Mapping[str, Any]]
    notation: Notation
    file: str
    above: int
    errors: Collection[tuple[int, int]] = ()

    @property
    def hints(self) -> Sequence[Mapping[str, Any]]:
        """The hint of each column; empty if none declares a type."""
        known = {normalize(name): hint for name, hint in self.wanted.items() if hint.get("data_type")}
        return [known.get(normalize(name), {}) for name in self.names]

    def to_page(self, rows: Sequence[Numbered]) -> Page:
        """Returns the rows as dicts, and those that cannot be loaded."""
        faults = {number: fault for number, cells in rows if (fault := self._fault_of_row(number, cells))}
        good = [(number, cells) for number, cells in rows if number not in faults]
        columns = list(zip(*(cells[: len(self.names)] for _, cells in good), strict=True))
        values = [self._convert(index, column, good, faults) for index, column in enumerate(columns)]
        self._convert_texts(values, good, faults)
        records = (dict(zip(self.names, row, strict=True)) for row in zip(*values, strict=True))
        loaded = [
            {**record, FILE: self.file, ROW: number}
            for record, (number, _) in zip(records, good, strict=True)
            if number not in faults
        ]
        bad = [BadRow(number, self._text(cells), faults[number]) for number, cells in rows if number in faults]
        return Page(loaded or None, bad)

    def _text(self, cells: Sequence[Any]) -> str:
        return ",".join(map(as_text, cells)).rstrip(",")

    def _fault_of_row(self, number: int, cells: Sequence[Any]) -> str:
        at = self.above + number - 1
        wrong = [column for row, column in self.errors if row == at] if self.errors else []
        if wrong:
            return f"cell {self._cell(min(wrong), number)} contains an error"
        beyond = next((index for index in range(len(self.names), len(cells)) if cells[index] != ""), None)
        if beyond is not None:
            return f"cell {self._cell(beyond, number)} is beyond the {len(self.names)} columns of the first row"
        return ""

    def _cell(self, index: int, number: int) -> str:
        """Returns the name of a cell, for instance B7."""
        letters, index = "", index + 1
        while index:
            index, letter = divmod(index - 1, _LETTERS)
            letters = chr(ord("A") + letter) + letters
        return f"{letters}{self.above + number}"

    def _convert(
        self, index: int, column: Sequence[Any], rows: Sequence[Numbered], faults: dict[int, str]
    ) -> list[Any]:
        """Returns the values of a column, with the texts of a column of numbers or times as they are."""
        hint = self.hints[index]
        if not hint and _AS_THEY_ARE.issuperset(map(type, column)):
            return [None if value == "" else value for value in column]
        values: list[Any] = []
        for value, (number, _) in zip(column, rows, strict=True):
            try:
                values.append(None if value == "" else value if isinstance(value, str) else convert_cell(value, hint))
            except Misfit:
                values.append(None)
                accepted = describe_accepted(self.names[index], hint, self.notation)
                got = f"got {as_text(value)}; accepted: {accepted}"
                faults[number] = f"cell {self._cell(index, number)}: column {self.names[index]}: {got}"
        return values

    def _convert_texts(self, values: list[list[Any]], rows: Sequence[Numbered], faults: dict[int, str]) -> None:
        """Converts the texts of typed columns in place, as those of a CSV are."""
        typed = [index for index, hint in enumerate(self.hints) if hint.get("data_type", "text") != "text"]
        for index in typed:
            name, column = self.names[index], values[index] if values else []
            places = [place for place, value in enumerate(column) if isinstance(value, str)]
            if not places:
                continue
            query = build_query(CELLS_TABLE, [name], self.wanted, self.notation)
            page = convert([[column[place]] for place in places], places, [name], query, self.file)
            for converted in page.rows.to_pylist():
                column[converted[ROW]] = converted[name]
            for bad in page.bad:
                number = rows[bad.number][0]
                faults.setdefault(number, f"cell {self._cell(index, number)}: {bad.reason}")


def without_empty_rows(rows: Iterator[Sequence[Any]], errors: Collection[int]) -> Iterator[Numbered]:
    """Yields the rows that have a value, with their numbers from 1.

    Args:
        rows: All rows.
        errors: Numbers of the rows in which a cell has an error.
    """
    for number, cells in enumerate(rows, 1):
        if any(cell != "" for cell in cells) or number in errors:
            yield number, cells
