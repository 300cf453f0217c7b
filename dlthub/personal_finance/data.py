"""Payments whose amount no file holds as it is: decimals, negative for what was spent; everything else as it stands."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pdfplumber

from . import FILES


def get_savings() -> Iterator[list[dict[str, Any]]]:
    """Payments of the savings account, a row for each line of the bank's export, and the amount with its sign."""
    with FILES.joinpath("savings.csv").open(encoding="utf-8", newline="") as opened:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(opened)]
    yield [_with_amounts(row) for row in rows]


def get_receipts() -> Iterator[list[dict[str, Any]]]:
    """Items of the receipts, a row for each line of their tables."""
    for file in sorted(FILES.joinpath("receipts").glob("*.pdf")):
        yield list(_read_receipt(file))


def _with_amounts(row: dict[str, Any]) -> dict[str, Any]:
    paid_in, paid_out = (Decimal(row[name]) if row[name] else None for name in ("Money in", "Money out"))
    return {**row, "Money in": paid_in, "Money out": paid_out, "Amount": (paid_in or 0) - (paid_out or 0)}


def _read_receipt(file: Path) -> Iterator[dict[str, Any]]:
    with pdfplumber.open(file) as document:
        (page,) = document.pages
        found = re.match(r"(?P<shop>.+)\nReceipt (?P<receipt>\S+)\nDate (?P<date>\S+)\n", page.extract_text())
        table = page.extract_table()
    if not found or not table or table[0] != ["Line", "Item", "Price"]:
        raise ValueError(f"{file.name}: no receipt with a number, a date and a table of Line, Item and Price")
    for line, item, price in table[1:]:
        yield {**found.groupdict(), "line": int(line or 0), "item": item, "amount": -Decimal(price or 0)}
