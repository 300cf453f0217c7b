"""Payments from files: amounts as decimals, negative for what was spent; everything else as it stands."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pdfplumber

from . import FILES


def get_checking() -> Iterator[list[dict[str, Any]]]:
    """Payments of the checking account, a row for each line of the bank's export."""
    rows = _read_csv("checking.csv", delimiter=";")
    yield [
        row
        | {
            "Boekdatum": datetime.strptime(row["Boekdatum"], "%d-%m-%Y").date(),  # noqa: DTZ007 - a day has no zone
            "Bedrag": Decimal(row["Bedrag"].replace(".", "").replace(",", ".")),
        }
        for row in rows
    ]


def get_savings() -> Iterator[list[dict[str, Any]]]:
    """Payments of the savings account, a row for each line of the bank's export, and the amount with its sign."""
    rows = _read_csv("savings.csv", delimiter=",")
    yield [row | {"Amount": Decimal(row["Money in"] or 0) - Decimal(row["Money out"] or 0)} for row in rows]


def get_receipts() -> Iterator[list[dict[str, Any]]]:
    """Items of the receipts, a row for each line of their tables."""
    for file in sorted(FILES.joinpath("receipts").glob("*.pdf")):
        yield list(_read_receipt(file))


def _read_csv(name: str, delimiter: str) -> list[dict[str, Any]]:
    with FILES.joinpath(name).open(encoding="utf-8", newline="") as opened:
        return [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(opened, delimiter=delimiter)
        ]


def _read_receipt(file: Path) -> Iterator[dict[str, Any]]:
    with pdfplumber.open(file) as document:
        (page,) = document.pages
        found = re.match(r"(?P<shop>.+)\nReceipt (?P<receipt>\S+)\nDate (?P<date>\S+)\n", page.extract_text())
        table = page.extract_table()
    if not found or not table or table[0] != ["Line", "Item", "Price"]:
        raise ValueError(f"{file.name}: no receipt with a number, a date and a table of Line, Item and Price")
    for line, item, price in table[1:]:
        yield {**found.groupdict(), "line": int(line or 0), "item": item, "amount": -Decimal(price or 0)}
