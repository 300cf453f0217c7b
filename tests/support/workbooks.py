"""Workbooks for tests: `ingestion_config.xlsx`, with one mapping for each row."""

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
"""A row with only the required cells."""


def write_workbook(
    folder: Path,
    *rows: Mapping[str, Any],
    columns: tuple[str, ...] = COLUMNS,
    change: Callable[[Any], Any] | None = None,
) -> Path:
    """Writes the workbook of a source folder and returns its path.

    Args:
        folder: Created if it does not exist.
        rows: Cells by column name; an empty mapping is a blank row.
        columns: Names in the header.
        change: Called with the sheet before it is written.
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
