"""Reads the warehouse for a page: within seconds, and without holding up a load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dlt.common.destination.exceptions import DestinationException

from data_foundation.audit.in_time import in_time
from data_foundation.audit.read import Trail
from data_foundation.audit.write import describe, read_journal
from data_foundation.errors import FoundationError, WarehouseBusy, WarehouseError

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse

Read = TypeVar("Read")

SECONDS = 10.0
"""How long a page waits for the warehouse. A load holds a DuckDB file while it writes, at times for minutes."""


class Look:
    """The reads of all pages; each takes its own turn at a DuckDB file, and closes it."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Creates it for the warehouse with the audit trail."""
        self.warehouse = warehouse
        # More would queue for the one file, and hold up the loads behind them.
        self._turns = threading.Semaphore(1 if warehouse.is_exclusive else 4)

    def read(self, reading: Callable[[], Read], further_seconds: float = 0) -> Read:
        """Returns what `reading` returns.

        Args:
            reading: Reads the warehouse.
            further_seconds: How much longer than usual it may take.

        Raises:
            WarehouseBusy: It has not ended in time.
            WarehouseError: The warehouse cannot be reached, or cannot be used.
        """
        deadline = time.monotonic() + SECONDS + further_seconds

        def read_and_release() -> Read:
            try:
                return reading()
            finally:
                self._turns.release()

        if self._turns.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                return in_time(read_and_release, max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                pass
            except (OSError, DestinationException) as error:
                raise WarehouseError(describe(error)) from None
        message = (
            f"{self.warehouse.location} has not answered for {SECONDS:g} s: a load is writing, or it is slow; "
            "open the page again"
        )
        raise WarehouseBusy(message)

    def read_attempts(self, reading: Callable[[], Trail]) -> Trail:
        """Returns attempts to load from the warehouse, or those of this machine if it does not answer in time."""
        try:
            return self.read(reading)
        except FoundationError as error:
            return Trail(tuple(read_journal(self.warehouse)), str(error))
