"""The workbook as a document like `sources.yaml`: resources, and the cell that each part of them stands in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data_foundation.config.messages import explain_validation
from data_foundation.errors import Place, Problem
from data_foundation.workbook import SHEET
from data_foundation.workbook.columns import COLUMNS, REQUIRED, WorkbookRow, find_gaps
from data_foundation.workbook.resources import COLUMN_OF, column_of, to_resource
from data_foundation.workbook.sheet import Fault, SheetRow, read_sheet
from data_foundation.workbook.xlsx_file import Unreadable


class WorkbookDocument:
    """A workbook that was read.

    Attributes:
        file: Where it was read from.
        value: As of `sources.yaml`, with a resource for each row that is in order.
        problems: What is wrong with the other rows, and with the sheet as a whole.
    """

    def __init__(self, file: Path, rows: Sequence[tuple[SheetRow, WorkbookRow]], problems: list[Problem]) -> None:
        self.file = file
        self.value: dict[str, Any] = {"resources": [to_resource(row) for _, row in rows]}
        self.problems = problems
        self._rows = [found for found, _ in rows]

    def place(self, path: Sequence[str | int]) -> Place:
        """Returns the cell of the value at `path`, which begins with `resources` and the number of the resource."""
        row, column = self._rows[int(path[1])], column_of(path[2:])
        cells = {part: f"{SHEET}!{row.cell(name)}" for part, name in COLUMN_OF.items()}
        return Place(self.file, row.number, f"{SHEET}!{row.cell(column)}", cells)

    def problem(self, path: Sequence[str | int], message: str) -> Problem:
        """Returns a Problem that points at the cell of the value at `path`."""
        return Problem(self.file, f"{column_of(path[2:])}: {message}", field=self.place(path).cell)


def read_workbook(file: Path) -> WorkbookDocument:
    """Reads a workbook; whatever is wrong with it is among its problems."""
    try:
        found, faults = read_sheet(file)
    except Unreadable as error:
        return WorkbookDocument(file, [], [Problem(file, str(error))])
    rows: list[tuple[SheetRow, WorkbookRow]] = []
    jobs: dict[str, str] = {}
    for sheet_row in found:
        job, cell = sheet_row.values.get("job_id"), sheet_row.cell("job_id")
        if job and (first := jobs.setdefault(job, cell)) != cell:
            sheet_row.faults["job_id"] = f"'{job}' is given twice, first in {first}; each job has one of its own"
        row, ailing = _read_row(sheet_row)
        faults += ailing
        if row and not ailing:
            rows.append((sheet_row, row))
    if not found and not faults:
        faults.append(("A2", "there is no row below the header; accepted is one row a table"))
    problems = [Problem(file, message, field=f"{SHEET}!{cell}" if cell else SHEET) for cell, message in faults]
    return WorkbookDocument(file, rows, problems)


def _read_row(found: SheetRow) -> tuple[WorkbookRow | None, list[Fault]]:
    """Returns what a row says, None where it lacks something, and what ails it: each cell once, from left to right."""
    faults, row = dict(found.faults), None
    try:
        row = WorkbookRow.model_validate(found.values)
    except ValidationError as error:
        for path, message in explain_validation(WorkbookRow, found.values, error):
            if path[0] in found.values:  # any other is a gap
                faults.setdefault(str(path[0]), message)
    for column, message in find_gaps(found.values):
        if column in found.letters or column not in REQUIRED:
            faults.setdefault(column, message)
    ordered = sorted(faults, key=COLUMNS.index)
    return row, [(found.cell(column), f"{column}: {faults[column]}") for column in ordered]
