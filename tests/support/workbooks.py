"""Workbooks that a test writes: `ingestion_config.xlsx`, a mapping for each row."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from data_foundation.workbook import SHEET, WORKBOOK_FILE
from data_foundation.workbook.columns import COLUMNS

JOB: Mapping[str, Any] = {
    "job_id": "orders", "source_type": "SQLite", "source_name": "sales_db", "table_name": "orders", "load_type": "FULL",
    "enabled": "Y",
}  # fmt: skip
"""A row that says the least that is accepted."""


def write_workbook(
    folder: Path,
    *rows: Mapping[str, Any],
    columns: tuple[str, ...] = COLUMNS,
    change: Callable[[Any], Any] | None = None,
) -> Path:
    """Writes the workbook of a source folder and returns its path.

    Args:
        folder: Is made where it is not there.
        rows: By column; an empty one is a blank row.
        columns: Of the header.
        change: Is handed the sheet before it is written.
    """
    book = Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    sheet.append(list(columns))
    for row in rows:
        sheet.append([row.get(column) for column in columns] if row else [])
    if change:
        change(sheet)
    folder.mkdir(parents=True, exist_ok=True)
    book.save(folder / WORKBOOK_FILE)
    return folder / WORKBOOK_FILE
