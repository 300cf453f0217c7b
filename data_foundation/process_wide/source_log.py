"""What a source's own code logs and warns of, handed to the load that runs it."""

from __future__ import annotations

import logging
import re
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_POOL_THREAD = re.compile(r"dlt-pool-(\d+)-")
"""The name of a thread that dlt has items computed on: the id in it is that of the thread that extracts."""


@dataclass(frozen=True)
class _Listener:
    """A load that runs, and what it is told.

    Attributes:
        folder: Of its source.
        tell: Takes the level and the text of a record.
    """

    folder: Path
    tell: Callable[[Level, str], None]


_listeners: dict[int, _Listener] = {}
"""By the thread that loads."""


def hear(name: str) -> None:
    """Has what is logged below a logger reach the load that runs; without a load it goes where it went before."""
    logger = logging.getLogger(name)
    if _handler not in logger.handlers:
        logger.addHandler(_handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


@contextmanager
def listening(folder: Path, tell: Callable[[Level, str], None]) -> Iterator[None]:
    """Tells what the source in `folder` says until the block ends, in this thread and in those started for it."""
    _listeners[threading.get_ident()] = _Listener(folder, tell)
    try:
        with _python_warnings.heard():
            yield
    finally:
        del _listeners[threading.get_ident()]


def _find(thread: int, thread_name: str, file: str) -> list[_Listener]:
    """Returns whom a record is for: the load of its thread, else every load of the source whose file says it."""
    pool = _POOL_THREAD.match(thread_name)
    if listener := _listeners.get(int(pool[1]) if pool else thread):
        return [listener]
    return [listener for listener in list(_listeners.values()) if Path(file).is_relative_to(listener.folder)]


class _Handler(logging.Handler):
    """Hands records over; what no load hears is printed as if there were no handler."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        listeners = _find(record.thread or 0, record.threadName or "", record.pathname)
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text += f": {''.join(traceback.format_exception_only(record.exc_info[1])).strip()}"
        for listener in listeners:
            listener.tell(_level(record.levelno), text)
        last = logging.lastResort
        if not listeners and not logging.root.handlers and last and record.levelno >= last.level:
            last.handle(record)


def _level(number: int) -> Level:
    return "ERROR" if number >= logging.ERROR else "WARNING" if number >= logging.WARNING else "INFO"


class _PythonWarnings:
    """Python's way to show a warning, ours while somebody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._former: Any = warnings.showwarning

    @contextmanager
    def heard(self) -> Iterator[None]:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._former, warnings.showwarning = warnings.showwarning, self._show
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    warnings.showwarning = self._former

    def _show(self, message: Warning | str, category: type[Warning], filename: str, *where: Any, **more: Any) -> None:
        thread = threading.current_thread()
        listeners = _find(thread.ident or 0, thread.name, filename)
        own = [listener for listener in listeners if Path(filename).is_relative_to(listener.folder)]
        for listener in own:
            listener.tell("WARNING", f"{category.__name__}: {message}")
        if not own:
            # A library's: none of its users can do anything about it.
            self._former(message, category, filename, *where, **more)


_handler = _Handler(logging.INFO)
_python_warnings = _PythonWarnings()
