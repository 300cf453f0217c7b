"""Reads pages in threads, so that the database, network or disk works while the pages before are written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

READY = 2
"""Largest number of pages in the queue: more would cost memory, and with one the writer would sometimes wait."""

_POLL_SECONDS = 0.1
"""Seconds between two checks whether the consumer has stopped, while the queue is full."""


class ReadAhead(Generic[T]):
    """Runs readers, each in its own thread, and yields their pages in the order of arrival.

    A reader is a function that returns an iterator. An exception of a reader is raised in the consumer's thread. When
    the consumer stops, the iterators are closed in their threads.
    """

    def __init__(self, readers: Sequence[Callable[[], Iterator[T]]], interrupts: Sequence[Callable[[], None]]) -> None:
        """Starts no thread yet.

        Args:
            readers: Functions that run in parallel; each returns an iterator of pages.
            interrupts: Functions that end a wait inside a reader; called from another thread, only when the consumer
                stops before the readers are done.
        """
        self._readers = readers
        self._interrupts = interrupts
        self._pages: queue.Queue[tuple[str, Any]] = queue.Queue(READY)
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[T]:
        """Yields every page.

        Raises:
            Exception: The first exception of a reader.
        """
        threads = [threading.Thread(target=self._run, args=(reader,), daemon=True) for reader in self._readers]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                kind, value = self._pages.get()
                if kind == "page":
                    yield value
                elif kind == "error":
                    raise value
                else:
                    running -= 1
        finally:
            self._stopped.set()
            interrupts: Sequence[Callable[[], None]] = self._interrupts if running else ()
            for interrupt in interrupts:
                with suppress(Exception):  # the consumer has stopped, so a failure changes nothing
                    interrupt()
            for thread in threads:
                thread.join()

    def _run(self, reader: Callable[[], Iterator[T]]) -> None:
        pages = reader()
        try:
            for page in pages:
                if not self._put("page", page):
                    return
            self._put("end", None)
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            self._put("error", error)
        finally:
            with suppress(Exception):  # the connection may be lost already
                pages.close()  # type: ignore[attr-defined] # every reader is a generator

    def _put(self, kind: str, value: Any) -> bool:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._pages.put((kind, value), timeout=_POLL_SECONDS)
                return True
        return False
