"""Pages read ahead: the database, the network or the disk works while what came before is written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

READY = 2
"""Pages that wait at most: more would cost memory, and one is not always there when it is asked for."""

_PATIENCE = 0.1
"""Seconds after which a reader that nobody takes pages from looks whether it is still wanted."""


class ReadAhead(Generic[T]):
    """Runs readers, each in a thread of its own, and hands over their pages as they come.

    A reader is a function that returns an iterator; what it raises is raised where the pages are taken. When nobody
    takes pages any more the iterators are closed in their threads.
    """

    def __init__(self, readers: Sequence[Callable[[], Iterator[T]]], interrupts: Sequence[Callable[[], None]]) -> None:
        """Starts nothing yet.

        Args:
            readers: What is read side by side.
            interrupts: End a wait inside of a reader; called from another thread, at the end alone.
        """
        self._readers = readers
        self._interrupts = interrupts
        self._pages: queue.Queue[tuple[str, Any]] = queue.Queue(READY)
        self._over = threading.Event()

    def __iter__(self) -> Iterator[T]:
        """Yields every page.

        Raises:
            Exception: What a reader raised.
        """
        threads = [threading.Thread(target=self._run, args=(reader,), daemon=True) for reader in self._readers]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                what, value = self._pages.get()
                if what == "page":
                    yield value
                elif what == "error":
                    raise value
                else:
                    running -= 1
        finally:
            self._over.set()
            interrupts: Sequence[Callable[[], None]] = self._interrupts if running else ()
            for interrupt in interrupts:
                with suppress(Exception):  # whatever it says, nobody waits for its rows
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
        except BaseException as error:  # noqa: BLE001 - it is raised again where the pages are taken
            self._put("error", error)
        finally:
            with suppress(Exception):  # the connection is gone anyway
                pages.close()  # type: ignore[attr-defined] # every reader is a generator

    def _put(self, what: str, value: Any) -> bool:
        while not self._over.is_set():
            with suppress(queue.Full):
                self._pages.put((what, value), timeout=_PATIENCE)
                return True
        return False
