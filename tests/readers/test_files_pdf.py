"""Tests of `data_foundation.readers.files` on tables of real PDF documents."""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from dlt.extract.exceptions import ResourceExtractionError
from fpdf import FPDF
from fpdf.enums import AccessPermission

from data_foundation.errors import LoadError
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

HEADINGS = ("Date", "Description", "Amount")
ROWS = [("2024-01-31", "Coffee", "2.50"), ("2024-02-01", "Bread", "1,003.95")]


def make_pdf(*pages: Sequence[Sequence[Sequence[str]]], password: str = "") -> bytes:
    """Returns a document; each page is a list of tables, each table a list of rows of cells."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=10)
    if password:
        pdf.set_encryption(owner_password=password, user_password=password, permissions=AccessPermission.all())
    for tables in pages:
        pdf.add_page()
        pdf.cell(text="Thank you for your visit", new_x="LMARGIN", new_y="NEXT")
        for rows in tables:
            with pdf.table(first_row_as_headings=False) as table:
                for row in rows:
                    table.row(row)
            pdf.ln(10)
    return bytes(pdf.output())


def test_a_table_across_pages_is_one_table(files: FileTree) -> None:
    """Repeated headings are not rows, and columns have the types of `columns`."""
    files.put("a.pdf", make_pdf([[HEADINGS, ROWS[0]]], [[HEADINGS, ROWS[1]]], [[ROWS[0]]]))
    files.read("columns: {amount: {data_type: decimal}, date: {data_type: date}}")
    files.load("bank.landed")
    days = [dt.date(2024, 1, 31), dt.date(2024, 2, 1), dt.date(2024, 1, 31)]
    assert files.values("date") == days
    assert files.values("amount") == [Decimal("2.5"), Decimal("1003.95"), Decimal("2.5")]
    assert files.values("description") == ["Coffee", "Bread", "Coffee"]
    assert files.values("_row") == [1, 2, 3]
    assert set(files.values("_file")) == {"inbox/a.pdf"}


def test_a_table_is_found_by_its_headings(files: FileTree) -> None:
    """The table is found by its headings, in any spelling; other content of the document is left out."""
    files.put("a.pdf", make_pdf([[("Shop", "Till"), ("Corner", "7")], [HEADINGS, *ROWS], [("VAT", "9%")]]))
    rows = files.peek(tables_with=["date", "description", "AMOUNT"])
    assert [tuple(row.values()) for row in rows] == [(*row, "inbox/a.pdf", n) for n, row in enumerate(ROWS, 1)]


def test_a_row_that_does_not_fit_is_set_aside(files: FileTree) -> None:
    """The row is set aside with its number in the document and its text."""
    files.put("a.pdf", make_pdf([[HEADINGS, ROWS[0], ("2024-02-01", "Tip", "some"), ROWS[1]]]))
    files.read("columns: {amount: {data_type: decimal}}", on_bad_row="quarantine")
    assert files.load("bank.landed").rows == 2
    (bad,) = files.rows("landed__quarantine")
    assert (bad["_row"], bad["text"]) == (2, "2024-02-01,Tip,some")


REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "encrypted": (make_pdf([[HEADINGS]], password="1234"), {}, "the PDF is encrypted; save it without a password"),
    "truncated": (make_pdf([[HEADINGS, *ROWS]])[:400], {}, "not a complete PDF|found no table"),
    "no-pdf": (b"id,name\n", {}, "not a complete PDF"),
    "no-table": (make_pdf([]), {}, "found no table; for tables without lines set `table_settings"),
    "none-like-that": (make_pdf([[HEADINGS, *ROWS]]), {"tables_with": ["Name"]}, "found no table with the headings N"),
    "of-two-kinds": (
        make_pdf([[HEADINGS, *ROWS], [("Shop", "Till"), ("Corner", "7")]]), {},
        "a table has 2 columns .Shop, Till. and one before it 3 .Date, Description, Amount.; set `tables_with",
    ),
    "setting": (make_pdf([[HEADINGS]]), {"table_settings": {"vertical": "text"}}, "pdfplumber cannot read it"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_an_unreadable_file_is_refused_by_name(
    files: FileTree, content: bytes, kwargs: dict[str, Any], message: str
) -> None:
    """The error names the document and explains what to do."""
    files.put("a.pdf", content)
    with pytest.raises(ResourceExtractionError) as caught:
        files.peek(**kwargs)
    assert isinstance(caught.value.__cause__, LoadError)
    assert re.search(f"inbox/a.pdf: ({message})", str(caught.value.__cause__))
