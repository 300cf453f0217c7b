"""Which accounts are read: those of the settings, managers followed to all that is below them; each fails alone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from data_foundation import Refusal

from . import Row, Rows
from .queries import CUSTOMERS
from .search import Search

logger = logging.getLogger(__name__)

MOST_IN_A_ROW = 2
"""Most accounts that may fail in a row, each after several attempts: more failures have a common cause."""


@dataclass(frozen=True)
class Account:
    """An account that can be queried, and the root account that gives access to it."""

    customer_id: str
    root: str
    """As customer_ids names it: the manager, or the account itself."""
    row: Row = field(compare=False, hash=False)
    """What raw.google_ads_customers has of it."""

    @property
    def is_readable(self) -> bool:
        """True if it has metrics of its own that Google returns."""
        return self.row["status"] == "ENABLED" and not self.row["is_manager"]


@dataclass
class Parts:
    """What failed of a load, by account, while others landed."""

    failed: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    first: Exception | None = None
    is_over: bool = False
    """A cause that affects every account: no quota, no network, no token, or no service."""
    in_a_row: int = 0
    """How many accounts in a row have met a fault that should have passed."""

    def alone(self, name: str, read: Callable[[], Iterator[Rows]]) -> Iterator[Rows]:
        """Yields the rows of an account; its failure is recorded and reported at the end."""
        self.tried += 1
        if self.is_over:
            self.failed[name] = f"not queried: {self.first}"
            return
        try:
            yield from read()
        except (Refusal, OSError) as error:
            self.failed[name] = f"{type(error).__name__}: {error}"
            self.first = self.first or error
            self.is_over = self._meets_all(error)
            logger.warning("account %s failed: %s", name, error)
        else:
            self.in_a_row = 0

    def _meets_all(self, error: Refusal | OSError) -> bool:
        if not isinstance(error, Refusal) or getattr(error, "of_all", False) or error.retry_after:
            return True
        self.in_a_row = self.in_a_row + 1 if error.retry_after is not None else 0
        return self.in_a_row >= MOST_IN_A_ROW

    def finish(self) -> dict[str, str]:
        """Returns what failed.

        Raises:
            Exception: The first failure, where there was nothing else.
        """
        if self.first and len(self.failed) == self.tried:
            raise self.first
        return self.failed


def read_ids(text: str) -> list[str]:
    """Returns the ids in a setting: separated by commas, with or without dashes.

    Raises:
        ValueError: For what is no id.
    """
    ids = [part.strip().replace("-", "") for part in text.split(",") if part.strip()]
    if wrong := [found for found in ids if not (found.isdigit() and len(found) == 10)]:  # noqa: PLR2004 - Google's
        message = (
            f"SOURCES__GOOGLE_ADS__CUSTOMER_IDS: got {', '.join(wrong)}; accepted: ten digits, with or without dashes, "
            "several separated by commas"
        )
        raise ValueError(message)
    return list(dict.fromkeys(ids))


def find_accounts(search: Search, roots: Sequence[str], parts: Parts) -> list[Account]:
    """Returns the accounts that roots lead to, each once: they themselves, and all that is below those that manage.

    Args:
        search: The client.
        roots: Managers or not.
        parts: Receives the roots that failed.
    """
    found: dict[str, Account] = {}
    for root in roots:
        for rows in parts.alone(root, lambda root=root: _read_clients(search, root)):  # type: ignore[misc]
            for row in rows:
                found.setdefault(str(row["customer_id"]), Account(str(row["customer_id"]), root, row))
    return list(found.values())


def _read_clients(search: Search, root: str) -> Iterator[Rows]:
    """Yields the accounts below a manager; a root without accounts below it yields itself."""
    count = 0
    for query in CUSTOMERS:
        for rows in search.stream(root, query.text(), root):
            count += len(rows)
            yield [{**query.flatten(row), "manager_id": root} for row in rows]
        if count:
            return
