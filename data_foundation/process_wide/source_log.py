"""Passes log records and warnings of a source's own code to the load that runs it."""

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

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_POOL_THREAD = re.compile(r"dlt-pool-(\d+)-")
"""The name of a thread of dlt's pool; it contains the id of the thread that extracts."""


@dataclass(frozen=True)
class _Listener:
    """A running load that receives records.

    Attributes:
        folder: The folder of its source.
        on_record: Called with the level and the text of a record.
    """

    folder: Path
    on_record: Callable[[LogLevel, str], None]


_listeners: dict[int, _Listener] = {}
"""The running loads, by the id of their thread."""


def capture_logger(name: str) -> None:
    """Passes records of a logger and those below it to the running load; without one, they are logged as before."""
    logger = logging.getLogger(name)
    if _handler not in logger.handlers:
        logger.addHandler(_handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


@contextmanager
def listening(folder: Path, on_record: Callable[[LogLevel, str], None]) -> Iterator[None]:
    """Passes records and warnings of the source in `folder` to `on_record` until the block ends.

    Records of this thread, of dlt's pool for it, and of threads that the source started.
    """
    _listeners[threading.get_ident()] = _Listener(folder, on_record)
    try:
        with _python_warnings.captured():
            yield
    finally:
        del _listeners[threading.get_ident()]


def _find(thread: int, thread_name: str, file: str) -> list[_Listener]:
    """Returns the load of a record's thread, or else every load of the source whose file logged it."""
    pool = _POOL_THREAD.match(thread_name)
    if listener := _listeners.get(int(pool[1]) if pool else thread):
        return [listener]
    return [listener for listener in list(_listeners.values()) if Path(file).is_relative_to(listener.folder)]


class _Handler(logging.Handler):
    """Passes records to loads; without one, a record is printed as if this handler did not exist."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        listeners = _find(record.thread or 0, record.threadName or "", record.pathname)
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text += f": {''.join(traceback.format_exception_only(record.exc_info[1])).strip()}"
        for listener in listeners:
            listener.on_record(_level(record.levelno), text)
        last = logging.lastResort
        if not listeners and not logging.root.handlers and last and record.levelno >= last.level:
            last.handle(record)


def _level(number: int) -> LogLevel:
    return "ERROR" if number >= logging.ERROR else "WARNING" if number >= logging.WARNING else "INFO"


class _PythonWarnings:
    """Replaces `warnings.showwarning` while a load listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._former: Any = warnings.showwarning

    @contextmanager
    def captured(self) -> Iterator[None]:
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
            listener.on_record("WARNING", f"{category.__name__}: {message}")
        if not own:
            # A library's warning, which the source's owner cannot fix.
            self._former(message, category, filename, *where, **more)


_handler = _Handler(logging.INFO)
_python_warnings = _PythonWarnings()
