"""Writes a template of the workbook: headers with notes, drop-down lists, and four disabled example rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_foundation.errors import FoundationError
from data_foundation.workbook import SHEET
from data_foundation.workbook.columns import (
    ACCEPTED_WORDS,
    COLUMNS,
    NUMBER_COLUMNS,
    REQUIRED,
    VALUE_COLUMNS,
    WorkbookRow,
)

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

LAST_ROW = 2000
"""Last row with drop-down lists and validation."""

EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "job_id": "pg_customers_full", "source_type": "PostgreSQL", "source_name": "sales_db", "schema_name": "public",
        "table_name": "customers", "load_type": "FULL", "enabled": "N", "query_filter": "status = 'active'",
    },
    {
        "job_id": "pg_orders_incr", "source_type": "PostgreSQL", "source_name": "sales_db", "schema_name": "public",
        "table_name": "orders", "load_type": "INCREMENTAL", "enabled": "N", "target_container": "raw-data",
        "target_folder_path": "raw", "watermark_column": "updated_at", "last_watermark": date(2024, 1, 1),
        "chunk_size": 100_000, "parallelism": 1,
    },
    {
        "job_id": "oracle_employees_full", "source_type": "Oracle", "source_name": "erp_system", "schema_name": "hr",
        "table_name": "employees", "load_type": "FULL", "enabled": "N",
    },
    {
        "job_id": "api_users_full", "source_type": "API", "source_name": "example_api", "table_name": "users",
        "load_type": "FULL", "enabled": "N", "api_endpoint": "/api/v1/users", "api_method": "GET",
        "pagination_type": "offset",
    },
)  # fmt: skip


def write_template(file: Path) -> None:
    """Writes the template.

    Raises:
        FoundationError: The file exists already, or openpyxl is not installed.
    """
    if file.exists():
        raise FoundationError(f"{file} exists already and is not overwritten")
    try:
        from openpyxl import Workbook  # noqa: PLC0415 - an extra, which most folders do not need
    except ModuleNotFoundError:
        raise FoundationError("openpyxl is not installed: install data-foundation[workbook]") from None
    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(SHEET)
    sheet.append(list(COLUMNS))
    for example in EXAMPLES:
        sheet.append([example.get(column) for column in COLUMNS])
    for number, column in enumerate(COLUMNS, 1):
        _format_column(sheet, number, column)
    sheet.freeze_panes = "B2"
    file.parent.mkdir(parents=True, exist_ok=True)
    book.save(file)


def _format_column(sheet: Worksheet, number: int, column: str) -> None:
    """Adds a column's note, cell format, and drop-down list or validation."""
    from openpyxl.comments import Comment  # noqa: PLC0415 - an extra, which most folders do not need
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415 - the same
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - the same
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - the same

    header, required = sheet.cell(1, number), column in REQUIRED
    header.font = Font(bold=True, color="FFFFFF")
    header.fill = PatternFill("solid", fgColor="1F4E78" if required else "7F7F7F")
    words = ACCEPTED_WORDS.get(column, ())
    notes = ["Required." if required else "", WorkbookRow.model_fields[column].description, ", ".join(words)]
    header.comment = Comment("\n".join(filter(None, notes)), "foundation", width=320, height=120)
    letter = get_column_letter(number)
    sheet.column_dimensions[letter].width = max(12, len(column) + 2)
    cells = f"{letter}2:{letter}{LAST_ROW}"
    if words:
        rule = DataValidation("list", formula1=f'"{",".join(words)}"', allow_blank=not required, showErrorMessage=True)
        rule.error, rule.errorTitle = f"Accepted: {', '.join(words)}", column
    elif column in NUMBER_COLUMNS:
        rule = DataValidation("whole", operator="greaterThanOrEqual", formula1="1", showErrorMessage=True)
        rule.error, rule.errorTitle = "Accepted: a whole number, 1 or more", column
    else:
        if column not in VALUE_COLUMNS:
            _format_as_text(sheet, number)
        return
    rule.add(cells)
    sheet.add_data_validation(rule)


def _format_as_text(sheet: Worksheet, number: int) -> None:
    """Formats the column as text, so that Excel does not convert typed text to dates or numbers."""
    for row in range(2, len(EXAMPLES) + 102):
        sheet.cell(row, number).number_format = "@"
