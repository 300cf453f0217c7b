"""Formats the traceback of a failed load without secrets, and writes it to a file."""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from data_foundation.process_wide.redaction import redact

logger = logging.getLogger(__name__)


def format_traceback(error: BaseException) -> str:
    """Returns the traceback of `error` with its causes and contexts, redacted.

    Values that dlt resolved are masked if `secret_settings.learn_resolved` was called before.
    """
    return redact("".join(traceback.format_exception(error)))


def write_traceback(folder: Path, name: str, text: str) -> Path | None:
    """Writes `<name>.traceback.txt` and returns it; returns None and logs a warning if it cannot be written.

    The file is readable by its owner alone. It replaces that of an earlier failure, and remains after a load succeeds,
    so that a fault of the night can still be reported in the morning. It is replaced in one step, so that two processes
    never mix their texts.

    Args:
        folder: The folder of tracebacks.
        name: Name of the table's pipeline.
        text: The redacted traceback.
    """
    file = folder / f"{name}.traceback.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(file, text)
    except OSError as error:
        # This error must not hide the failure of the load.
        logger.warning("%s cannot be written: %s", file, error.strerror)
        return None
    return file


def _replace(file: Path, text: str) -> None:
    # mkstemp creates a file of mode 0600, whatever the umask.
    descriptor, partial = tempfile.mkstemp(".partial", f"{file.stem}.", file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        Path(partial).replace(file)
    except OSError:
        with suppress(OSError):
            Path(partial).unlink()
        raise
