"""Asynchronous reports of the Marketing API: created, completed in several steps, and read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from sandbox.facebook_refusals import TOO_MUCH, UNREADY, error, refuse
from sandbox.models.facebook_insights import BREAKDOWNS, FIELDS, WINDOWS, Query
from sandbox.models.people import ANCHOR

MOST_ROWS = 20_000
"""The maximum number of rows of a report."""

MOST_MONTHS = 37
STEPS = (
    ("Job Not Started", 0),
    ("Job Started", 0),
    ("Job Running", 60),
    # For a moment all rows are there, but the job is not yet completed.
    ("Job Running", 100),
    ("Job Completed", 100),
)
"""The statuses that consecutive calls return for a report."""


def read_query(account: str, parameters: dict[str, str]) -> Query:
    """Return the query of a report.

    Raises:
        VendorError: A parameter is invalid, or the report would have too many rows or months.
    """
    try:
        span = json.loads(parameters.get("time_range", ""))
        since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
        breakdowns = tuple(json.loads(parameters.get("breakdowns", "[]")))
        windows = tuple(json.loads(parameters.get("action_attribution_windows", "[]")))
    except (KeyError, TypeError, ValueError):
        raise error(400) from None
    if parameters.get("level") != "ad" or parameters.get("time_increment") != "1" or until < since:
        raise error(400)
    if unknown := {*breakdowns} - {*BREAKDOWNS} | {*windows} - {*WINDOWS}:
        raise refuse(100, 400, f"(#100) Not accepted: {', '.join(sorted(unknown))}")
    if unknown := {*parameters.get("fields", "").split(",")} - {*FIELDS, "date_start", "date_stop"}:
        raise refuse(100, 400, f"(#100) {', '.join(sorted(unknown))} is not valid for fields param")
    if (ANCHOR.year - since.year) * 12 + ANCHOR.month - since.month > MOST_MONTHS:
        raise refuse(3018, 400, f"(#3018) The start date cannot be beyond {MOST_MONTHS} months ago")
    query = Query(account, since, until, breakdowns, windows)
    if query.size > MOST_ROWS:
        raise TOO_MUCH
    return query


@dataclass
class Report:
    """A report, with the number of status requests so far."""

    query: Query
    fields: tuple[str, ...]
    polls: int = 0

    def state(self) -> dict[str, str | int]:
        """Return the status; each call advances it."""
        status, percent = STEPS[min(self.polls, len(STEPS) - 1)]
        self.polls += 1
        return {"account_id": self.query.account, "async_status": status, "async_percent_completion": percent}

    def check_completed(self) -> None:
        """Refuse to return rows before the report is completed.

        Raises:
            VendorError: The report is not completed.
        """
        if self.polls < len(STEPS):
            raise UNREADY


@dataclass
class Reports:
    """All reports by id."""

    made: dict[str, Report] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self, account: str, parameters: dict[str, str]) -> str:
        """Create a report and return its id, which begins with 60."""
        query = read_query(account, parameters)
        number = f"60{next(self.numbers):012}"
        self.made[number] = Report(query, tuple(parameters["fields"].split(",")))
        return number

    def find(self, number: str) -> Report:
        """Return a report.

        Raises:
            VendorError: The report does not exist.
        """
        if number not in self.made:
            raise error(404)
        return self.made[number]
