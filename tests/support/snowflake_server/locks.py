"""Locks on tables: an update or delete waits for the transaction that last changed or deleted rows."""

import threading
import time

from .errors import SqlError

Table = tuple[str, str, str]
_TIMEOUT_SECONDS = 20.0


class TableLocks:
    """Sessions that hold tables, until the end of their transaction.

    DuckDB lets one transaction update rows that another has deleted without a commit; Snowflake does not.
    """

    def __init__(self) -> None:
        self._holders: dict[Table, object] = {}
        self._changed = threading.Condition()

    def acquire(self, session: object, table: Table) -> None:
        """Holds a table as soon as no other session does.

        Raises:
            SqlError: Another session held the table for too long.
        """
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        with self._changed:
            while self._holders.get(table, session) is not session:
                if not self._changed.wait(deadline - time.monotonic()):
                    words = f"Another statement has locked table '{table[2]}' and this lock has not yet been released."
                    raise SqlError(625, "57014", words)
            self._holders[table] = session

    def release(self, session: object) -> None:
        """Releases all tables that a session holds."""
        with self._changed:
            self._holders = {table: holder for table, holder in self._holders.items() if holder is not session}
            self._changed.notify_all()
