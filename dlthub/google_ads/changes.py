"""Changes of an account and their authors; Google returns the last thirty days, ten thousand changes at a time."""

import logging
from collections.abc import Iterator, MutableMapping
from datetime import date, timedelta
from typing import Any

from . import Rows
from .accounts import Account
from .queries import CHANGES
from .refusals import Refused
from .search import Search

logger = logging.getLogger(__name__)

DAYS_KEPT = 30
MOST = 10_000
"""Changes of one answer, at most as many as Google allows."""

AGAIN = timedelta(days=1)
"""A change can come minutes late, and accounts have time zones."""


class Changes:
    """Where each account's history of changes was read to, as dlt's state of the resource keeps it."""

    def __init__(self, state: MutableMapping[str, Any], today: date, warnings: list[str], most: int = MOST) -> None:
        """Takes dlt's state, the day that is today, where to put warnings, and how many changes an answer has."""
        self._read_to: dict[str, str] = state.setdefault("read_to", {})
        self._today, self._warnings, self._most = today, warnings, most

    def read(self, search: Search, account: Account) -> Iterator[Rows]:
        """Yields an account's changes, oldest first.

        Raises:
            Refused: More changes have the same time than fit into an answer.
        """
        oldest = self._today - timedelta(days=DAYS_KEPT - 1)
        stands = self._read_to.get(account.customer_id)
        first = date.fromisoformat(stands) - AGAIN if stands else oldest
        if first < oldest:
            days = f"from {first} to {oldest - AGAIN}"
            self._warnings.append(
                f"account {account.customer_id}: changes {days} are lost: Google returns only the last {DAYS_KEPT} days"
            )
        yield from self._read(search, account, f"{max(first, oldest)} 00:00:00")
        self._read_to[account.customer_id] = self._today.isoformat()

    def _read(self, search: Search, account: Account, after: str) -> Iterator[Rows]:
        until = f"{self._today + AGAIN} 23:59:59.999999"
        seen: set[object] = set()
        while True:
            bounds = f"change_event.change_date_time BETWEEN '{after}' AND '{until}'"
            ending = f"ORDER BY change_event.change_date_time ASC LIMIT {self._most}"
            found = [
                CHANGES.flatten(row)
                for rows in search.stream(account.customer_id, CHANGES.text(bounds, ending=ending), account.root)
                for row in rows
            ]
            if fresh := [row for row in found if row["resource_name"] not in seen]:
                yield fresh
            if len(found) < self._most:
                return
            last = str(found[-1]["change_date_time"])
            if last == after or not fresh:
                who = f"account {account.customer_id}"
                message = f"{who} has more than {self._most:,} changes at {after}, and Google returns no more"
                raise Refused(message)
            # The next answer begins with what has the very same time.
            seen = {row["resource_name"] for row in found if row["change_date_time"] == last}
            after = last
