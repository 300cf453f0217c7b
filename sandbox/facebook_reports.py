"""Asynchronous reports of the Marketing API: asked for, made in several steps, read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from sandbox.facebook_refusals import TOO_MUCH, UNREADY, error, refuse
from sandbox.models.facebook_insights import BREAKDOWNS, FIELDS, WINDOWS, Query
from sandbox.models.people import ANCHOR

MOST_ROWS = 20_000
"""What one report may hold."""

MOST_MONTHS = 37
STEPS = (
    ("Job Not Started", 0),
    ("Job Started", 0),
    ("Job Running", 60),
    # For a moment all is there and the job not yet done.
    ("Job Running", 100),
    ("Job Completed", 100),
)
"""What one call after another is told of a report."""


def read_query(account: str, asked: dict[str, str]) -> Query:
    """Return what a report is to hold.

    Raises:
        VendorError: for a parameter that the vendor does not have, or for more rows or months than it gives.
    """
    try:
        span = json.loads(asked.get("time_range", ""))
        since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
        breakdowns = tuple(json.loads(asked.get("breakdowns", "[]")))
        windows = tuple(json.loads(asked.get("action_attribution_windows", "[]")))
    except (KeyError, TypeError, ValueError):
        raise error(400) from None
    if asked.get("level") != "ad" or asked.get("time_increment") != "1" or until < since:
        raise error(400)
    if unknown := {*breakdowns} - {*BREAKDOWNS} | {*windows} - {*WINDOWS}:
        raise refuse(100, 400, f"(#100) Not accepted: {', '.join(sorted(unknown))}")
    if unknown := {*asked.get("fields", "").split(",")} - {*FIELDS, "date_start", "date_stop"}:
        raise refuse(100, 400, f"(#100) {', '.join(sorted(unknown))} is not valid for fields param")
    if (ANCHOR.year - since.year) * 12 + ANCHOR.month - since.month > MOST_MONTHS:
        raise refuse(3018, 400, f"(#3018) The start date cannot be beyond {MOST_MONTHS} months ago")
    query = Query(account, since, until, breakdowns, windows)
    if query.size > MOST_ROWS:
        raise TOO_MUCH
    return query


@dataclass
class Report:
    """A report that was asked for, and how often was asked how far it is."""

    query: Query
    fields: tuple[str, ...]
    polls: int = 0

    def state(self) -> dict[str, str | int]:
        """Return how far it is; each question brings it further."""
        status, percent = STEPS[min(self.polls, len(STEPS) - 1)]
        self.polls += 1
        return {"account_id": self.query.account, "async_status": status, "async_percent_completion": percent}

    def check_completed(self) -> None:
        """Refuse to give rows before they are all there.

        Raises:
            VendorError: it is not done.
        """
        if self.polls < len(STEPS):
            raise UNREADY


@dataclass
class Reports:
    """Every report by its id."""

    made: dict[str, Report] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self, account: str, asked: dict[str, str]) -> str:
        """Begin a report and return its id, which begins with 60."""
        query = read_query(account, asked)
        number = f"60{next(self.numbers):012}"
        self.made[number] = Report(query, tuple(asked["fields"].split(",")))
        return number

    def find(self, number: str) -> Report:
        """Return a report.

        Raises:
            VendorError: there is none.
        """
        if number not in self.made:
            raise error(404)
        return self.made[number]
