"""Whole numbers beyond 64 bits, in every form in which rows arrive: exact if declared, refused by name if not."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from data_foundation.errors import LoadError
from tests.support.file_sources import FileTree, files
from tests.support.rest_server import RestServer, serve

__all__ = ["files"]

WIDE = [10**37 + 1, -(10**37) - 7, 2**63, -(2**63) - 1, 2**64, 2**63 - 1, 5, 0]
"""Numbers on both sides of the limits of 64 bits, signed and unsigned."""

CODE = """
import json
from decimal import Decimal

NUMBERS = {numbers}

def get_rows():
    yield {body}
"""
BODIES = {
    "dicts": "[{'n': number, 'x': 1} for number in NUMBERS]",
    "dicts-with-fractions": "[{'n': number, 'x': 0.5} for number in NUMBERS]",
    "json": "json.dumps([{'n': number} for number in NUMBERS]).encode()",
    "json-lines": "chr(10).join(json.dumps({'n': number}) for number in NUMBERS).encode()",
    "decimals-too": "[{'n': number if number % 2 else Decimal(number)} for number in NUMBERS]",
}


def put_workbook(files: FileTree) -> None:
    """Writes a workbook with the numbers as text, as Excel itself has no such number."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [["n"], *[[str(number)] for number in WIDE]]:
        sheet.append(row)
    Path(files.root / "inbox").mkdir()
    book.save(files.root / "inbox" / "a.xlsx")


def put(files: FileTree, name: str) -> None:
    """Writes the numbers into a file of the inbox, in the form of its name."""
    if name.endswith(".xlsx"):
        put_workbook(files)
    elif name.endswith(".csv"):
        files.put(name, "n\n" + "".join(f"{number}\n" for number in WIDE))
    elif name.endswith(".jsonl"):
        files.put(name, "".join(json.dumps({"n": number}) + "\n" for number in WIDE))
    else:
        files.put(name, json.dumps([{"n": number} for number in WIDE]))


@pytest.mark.parametrize("data_type", ["decimal, precision: 38, scale: 0", "text"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.xlsx"])
def test_a_declared_column_of_files_is_exact(files: FileTree, name: str, data_type: str) -> None:
    """A column that is declared as a decimal, or as text, has every digit of the file."""
    put(files, name)
    files.read(f"columns: {{n: {{data_type: {data_type}}}}}")
    files.load("bank.landed")
    expected: list[Any] = [str(number) if data_type == "text" else Decimal(number) for number in WIDE]
    assert files.values("n") == expected


@pytest.mark.parametrize("data_type", ["decimal, precision: 38, scale: 0", "text"])
@pytest.mark.parametrize("body", BODIES)
def test_a_declared_column_of_code_is_exact(files: FileTree, body: str, data_type: str) -> None:
    """A generator may yield an int of any size, in dicts and in documents, if its column is declared."""
    files.add(
        "bank",
        f"resources: [{{entry: data.get_rows, destination: raw.landed, columns: {{n: {{data_type: {data_type}}}}}}}]",
        CODE.format(numbers=WIDE, body=BODIES[body]),
    )
    files.load("bank.landed")
    expected: list[Any] = [str(number) if data_type == "text" else Decimal(number) for number in WIDE]
    assert sorted(files.query("select n from raw.landed")) == sorted(expected)


def test_a_declared_column_of_an_api_is_exact(files: FileTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API's numbers keep every digit, in a nested object too."""
    with serve() as api:
        answer(api)
        monkeypatch.setenv("SOURCES__SHOP__API__BASE_URL", api.url)
        files.add(
            "shop",
            "resources: [{entry: data_foundation.readers.rest.get_endpoint, kwargs: {connection: api, endpoint: rows}, "
            "destination: raw.landed, columns: {n: {data_type: decimal, precision: 38, scale: 0}, "
            "o__n: {data_type: decimal, precision: 38, scale: 0}}}]",
        )
        files.load("shop.landed")
    assert sorted(files.query("select n from raw.landed")) == sorted(map(Decimal, WIDE))
    assert sorted(files.query("select o__n from raw.landed")) == sorted(map(Decimal, WIDE))


def answer(api: RestServer) -> None:
    """Makes the API answer with the numbers."""
    api.answer = lambda _request: [{"n": number, "o": {"n": number}} for number in WIDE]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_undeclared_number_is_a_bad_row(files: FileTree, name: str) -> None:
    """Without a declared column the row is quarantined with its number and what to declare; the others are loaded."""
    put(files, name)
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert files.values("n") == [2**63 - 1, 5, 0]
    reasons = [row["reason"] for row in files.rows("landed__quarantine")]
    assert len(reasons) == 5
    assert all("beyond 64 bits; declare its column: `columns: {n: {data_type: decimal" in why for why in reasons)


def test_more_digits_than_declared_are_refused(files: FileTree) -> None:
    """A declared column that is too narrow refuses the row; nothing is rounded."""
    files.put("a.json", json.dumps([{"n": 10**37}]))
    files.read("columns: {n: {data_type: decimal, precision: 20, scale: 0}}")
    with pytest.raises(LoadError, match="key n: got 1000"):
        files.load("bank.landed")
