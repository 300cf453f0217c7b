"""Rows as they land: what a merge needs besides what Meta sends, and the answers of a lead in columns."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from tempfile import SpooledTemporaryFile

from dlt.common.json import json

from . import PERSONAL_ANSWERS
from .graph import Row, Rows

MOST_IN_MEMORY = 32 * 2**20
"""Bytes of pages that are held back in memory; more of them wait in a file."""


def hold_back(pages: Iterator[Rows]) -> Iterator[Rows]:
    """Yield pages once all of them are there.

    Rows of a day replace all that the table has of it: half a day must never land.
    """
    with SpooledTemporaryFile(MOST_IN_MEMORY) as held:
        for page in pages:
            held.write(json.dumpb(page) + b"\n")
        held.seek(0)
        for line in held:
            rows: Rows = json.loadb(line)
            yield rows


def to_insight(row: Row, breakdowns: Sequence[str], after: date) -> Row:
    """Return a row of insights with the key of its breakdown, and the end of the range that was read."""
    key = "|".join(str(row.get(name, "")) for name in breakdowns)
    # Money comes as text, and lands as the number that it spells.
    money = {"spend": Decimal(row["spend"])} if "spend" in row else {}
    return {**row, **money, "breakdown_key": key, "read_until": _last_day(after)}


def gone_day(node: str, day: date, after: date) -> Row:
    """Return a row that marks a day of an account as empty: merge removes its rows from the table and adds none."""
    return {
        "account_id": node.removeprefix("act_"),
        "date_start": str(day),
        "ad_id": "",
        "breakdown_key": "",
        "read_until": _last_day(after),
        "is_gone": True,
    }


def to_lead(lead: Row, after: date) -> Row:
    """Return a lead with each personal answer in a column of its own, and the others in one."""
    answers = {answer["name"]: ", ".join(map(str, answer["values"])) for answer in lead.get("field_data", [])}
    return {
        **{name: value for name, value in lead.items() if name != "field_data"},
        **{name: answers.pop(name, None) for name in PERSONAL_ANSWERS},
        "answers": answers,
        "read_until": _last_day(after),
    }


def _last_day(after: date) -> str:
    return str(after - timedelta(days=1))
