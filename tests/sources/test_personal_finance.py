"""Tests of the source personal_finance on its files: exports of two banks in different formats, and receipts as PDF."""

from datetime import date
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from data_foundation.local.preview import preview_resource
from data_foundation.project.source import load_source_config
from dlthub.personal_finance import FILES, data
from dlthub.personal_finance.data import get_receipts, get_savings

ROOT = Path(__file__).parents[2]


def read_checking() -> list[dict[str, Any]]:
    """Returns the loaded rows of the checking account, in the order of their file."""
    config = load_source_config(ROOT / "dlthub" / "personal_finance")
    resource = config.find_resource("checking")
    assert resource
    table = preview_resource(config, resource, 20)[0]
    rows = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    return sorted(rows, key=lambda row: row["_row"])


def test_dutch_days_and_commas_are_read() -> None:
    """Dates with the day first become dates, and numbers with a decimal comma decimals; other values stay texts."""
    rows = read_checking()
    assert len(rows) == 9
    names = ("volgnr", "boekdatum", "bedrag", "omschrijving", "tegenrekening")
    assert [rows[3][name] for name in names] == [
        "1004", date(2024, 1, 25), Decimal("2845.17"), "Salaris", "NL00EXMP0000000002",
    ]  # fmt: skip
    assert rows[1]["tegenrekening"] is None


def test_money_in_and_money_out_are_one_amount() -> None:
    """Income is positive and spending negative; a comma inside quotes separates nothing."""
    rows = list(chain(*get_savings()))
    assert [row["Amount"] for row in rows] == [Decimal("500.00"), Decimal("1.87"), Decimal("-120.00"), Decimal("1.92")]
    assert rows[1]["Memo"] == "Interest, January"


def test_every_line_of_every_receipt_is_an_item() -> None:
    """Number and date are read from above the table, whose lines are the rows; the bank's amount is their sum."""
    rows = list(chain(*get_receipts()))
    assert [(row["receipt"], row["line"]) for row in rows[:4]] == [
        ("CG-1041", 1), ("CG-1041", 2), ("CG-1041", 3), ("OTB-77", 1),
    ]  # fmt: skip
    paid = {row["omschrijving"].split()[-1]: row["bedrag"] for row in read_checking()}
    for receipt in {row["receipt"] for row in rows}:
        assert sum(row["amount"] for row in rows if row["receipt"] == receipt) == paid[receipt]


def test_a_file_that_is_no_receipt_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF without the expected table fails the load; it is not read as a receipt without lines."""
    (tmp_path / "receipts").mkdir()
    receipt = (FILES / "receipts" / "2024-01-27_books.pdf").read_bytes()
    (tmp_path / "receipts" / "letter.pdf").write_bytes(receipt.replace(b"(Price)", b"(Prize)"))
    monkeypatch.setattr(data, "FILES", tmp_path)
    with pytest.raises(ValueError, match=r"letter\.pdf: no receipt with"):
        list(get_receipts())


def test_its_tables_are_shown_with_their_landing() -> None:
    """`foundation list` and Dagster show the landing, not dlt's write disposition."""
    config = load_source_config(ROOT / "dlthub" / "personal_finance")
    assert {resource.meeting for resource in config.resources} == {"vault"}
