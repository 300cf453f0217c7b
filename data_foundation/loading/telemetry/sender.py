"""Sends events of OpenLineage in a thread of its own, in their order."""

from __future__ import annotations

import logging
import queue
import threading
import time
from functools import cache
from typing import TYPE_CHECKING

from openlineage.client import OpenLineageClient

from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Events that wait for a slow receiver; further ones are lost."""

SEND_SECONDS = 5.0
"""How long the end of a run waits for the receiver."""


class Sender:
    """A queue of events, and the thread that sends them."""

    def __init__(self, client: OpenLineageClient) -> None:
        self._client = client
        self._waiting: queue.Queue[RunEvent] = queue.Queue(MOST_WAITING)
        self._lost = 0
        threading.Thread(target=self._send, name="lineage", daemon=True).start()

    def put(self, event: RunEvent) -> None:
        """Takes an event, without a wait."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._lost += 1

    def finish(self) -> None:
        """Waits until all events are sent, for at most SEND_SECONDS; what is then left is lost, and reported."""
        until = time.monotonic() + SEND_SECONDS
        while self._waiting.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)
        # The event that is being sent may still arrive.
        while not self._waiting.empty():
            self._waiting.get_nowait()
            self._waiting.task_done()
            self._lost += 1
        if self._lost:
            logger.warning(
                "%s lineage events were not sent: the receiver is too slow, or cannot be reached", self._lost
            )
            self._lost = 0

    def _send(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                self._client.emit(event)
            except Exception as error:  # noqa: BLE001 - a receiver that refuses events must not end the thread
                self._lost += 1
                logger.debug("lineage: %s", redact(f"{type(error).__name__}: {error}"))
            finally:
                self._waiting.task_done()


@cache
def find_sender() -> Sender:
    """Returns the sender of this process, to the receiver that OpenLineage's own variables name."""
    return Sender(OpenLineageClient())
