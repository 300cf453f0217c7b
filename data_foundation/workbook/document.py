"""Turns a workbook into a document like `sources.yaml`: its resources, and the cell of each of their values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data_foundation.config.messages import explain_validation
from data_foundation.errors import Place, Problem
from data_foundation.workbook import SHEET
from data_foundation.workbook.columns import COLUMNS, REQUIRED, WorkbookRow, find_conflicts
from data_foundation.workbook.resources import COLUMN_OF, column_of, to_resource
from data_foundation.workbook.sheet import Fault, SheetRow, read_sheet
from data_foundation.workbook.xlsx_file import UnreadableXlsxError


class WorkbookDocument:
    """The content of a workbook.

    Attributes:
        file: Path of the workbook.
        value: A mapping like that of `sources.yaml`, with a resource for each valid row.
        problems: Errors of the other rows and of the sheet as a whole.
    """

    def __init__(self, file: Path, rows: Sequence[tuple[SheetRow, WorkbookRow]], problems: list[Problem]) -> None:
        self.file = file
        self.value: dict[str, Any] = {"resources": [to_resource(row) for _, row in rows]}
        self.problems = problems
        self._rows = [sheet_row for sheet_row, _ in rows]

    def place(self, path: Sequence[str | int]) -> Place:
        """Returns the cell of the value at `path`, which begins with `resources` and the number of the resource."""
        row, column = self._rows[int(path[1])], column_of(path[2:])
        cells = {part: f"{SHEET}!{row.cell(name)}" for part, name in COLUMN_OF.items()}
        return Place(self.file, row.number, f"{SHEET}!{row.cell(column)}", cells)

    def problem(self, path: Sequence[str | int], message: str) -> Problem:
        """Returns a `Problem` that names the cell of the value at `path`."""
        return Problem(self.file, f"{column_of(path[2:])}: {message}", field=self.place(path).cell)


def read_workbook(file: Path) -> WorkbookDocument:
    """Reads a workbook; its `problems` contain every error."""
    try:
        sheet_rows, faults = read_sheet(file)
    except UnreadableXlsxError as error:
        return WorkbookDocument(file, [], [Problem(file, str(error))])
    rows: list[tuple[SheetRow, WorkbookRow]] = []
    jobs: dict[str, str] = {}
    for sheet_row in sheet_rows:
        job, cell = sheet_row.values.get("job_id"), sheet_row.cell("job_id")
        if job and (first := jobs.setdefault(job, cell)) != cell:
            sheet_row.faults["job_id"] = (
                f"got '{job}', which {first} has too; accepted is a different job_id in each row"
            )
        row, row_faults = _read_row(sheet_row)
        faults += row_faults
        if row and not row_faults:
            rows.append((sheet_row, row))
    if not sheet_rows and not faults:
        faults.append(("A2", "no row below the header; accepted is one row for each table"))
    problems = [Problem(file, message, field=f"{SHEET}!{cell}" if cell else SHEET) for cell, message in faults]
    return WorkbookDocument(file, rows, problems)


def _read_row(sheet_row: SheetRow) -> tuple[WorkbookRow | None, list[Fault]]:
    """Returns the validated row, or None if it is invalid, and its errors: one for each cell, from left to right."""
    faults, row = dict(sheet_row.faults), None
    try:
        row = WorkbookRow.model_validate(sheet_row.values)
    except ValidationError as error:
        for path, message in explain_validation(WorkbookRow, sheet_row.values, error):
            if path[0] in sheet_row.values:  # empty cells are reported by find_conflicts
                faults.setdefault(str(path[0]), message)
    for column, message in find_conflicts(sheet_row.values):
        if column in sheet_row.letters or column not in REQUIRED:
            faults.setdefault(column, message)
    ordered = sorted(faults, key=COLUMNS.index)
    return row, [(sheet_row.cell(column), f"{column}: {faults[column]}") for column in ordered]
