"""Lets the process end although threads that were abandoned still run."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

from data_foundation.process_wide.masked_output import finish_output

EXIT_SECONDS = 2.0
"""Time that Python has to end by itself."""

_abandoned: list[threading.Thread] = []


def abandon(thread: threading.Thread) -> None:
    """Does not wait for a thread any more, nor for the threads that its code has started in pools."""
    if not _abandoned:
        with suppress(RuntimeError):  # Python is ending already
            # CPython joins the threads of pools before it calls any function of `atexit`.
            threading._register_atexit(_end_soon)  # type: ignore[attr-defined] # noqa: SLF001 - the only hook before
    _abandoned.append(thread)


def end_process(code: int) -> None:
    """Ends the process with an exit code; without Python's own end, if an abandoned thread still runs."""
    if any(thread.is_alive() for thread in _abandoned):
        _end(code)
    sys.exit(code)


def _end_soon() -> None:
    if any(thread.is_alive() for thread in _abandoned):
        threading.Thread(target=_end, args=(1, EXIT_SECONDS), daemon=True).start()


def _end(code: int, seconds: float = 0.0) -> None:
    time.sleep(seconds)
    finish_output()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
