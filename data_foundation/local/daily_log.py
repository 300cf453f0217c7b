"""The daily log of loads without Dagster: `ingestion_YYYYMMDD.log` in LOG_FOLDER, one line for each event."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING, Self, TextIO

from data_foundation.errors import LoadStopped
from data_foundation.loading.progress import Progress
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.settings import LOG_FOLDER, find_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from data_foundation.loading.parallel import Outcome

logger = logging.getLogger(__name__)


class IngestionLog:
    """Appends to the log file of the day on which it is opened. If the file cannot be written, loads run without it."""

    def __init__(self, root: Path) -> None:
        """Determines the log file; `__enter__` opens it.

        Args:
            root: The repository.
        """
        self.file = find_folder(LOG_FOLDER, root) / f"ingestion_{datetime.now().astimezone():%Y%m%d}.log"
        self._stream: TextIO | None = None
        self._last: dict[str, Progress] = {}

    def __enter__(self) -> Self:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # Errors in it may quote a row, so only its owner reads it, whatever the umask and whoever created it.
            descriptor = os.open(self.file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            os.fchmod(descriptor, 0o600)
            self._stream = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)
        except OSError as error:
            logger.warning("%s: cannot be written: %s; loads run without this log", self.file, error.strerror)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()

    def write(self, event: Progress | Outcome) -> None:
        """Writes the start of a load, the end of its extraction, its notes, warnings, failed checks and outcome."""
        if isinstance(event, Progress):
            self._write_progress(event)
        else:
            self._write_outcome(event)

    def _write_progress(self, now: Progress) -> None:
        last = self._last.get(now.destination)
        if last is None:
            self._write_line("INFO", f"Starting: {now.destination}")
        elif last.phase == "extract" and now.phase not in {"extract", "failed", "stopped"}:
            self._write_line("INFO", f"Extracted {last.rows:,} rows for {now.destination}")
        if now.note and now.level != "DEBUG":  # DEBUG is a traceback, unreadable in one line; the error names its file
            self._write_line(now.level, f"{now.destination}: {now.note}")
        self._last[now.destination] = now

    def _write_outcome(self, outcome: Outcome) -> None:
        job, result = outcome.task.job_id, outcome.result
        if isinstance(outcome.error, LoadStopped):
            self._write_line("WARNING", f"Stopped: job {job} after {outcome.seconds:.1f} s: {outcome.error}")
            return
        if result is None:
            self._write_line("ERROR", f"Failed: job {job} after {outcome.seconds:.1f} s: {outcome.error}")
            return
        for warning in result.warnings:
            self._write_line("WARNING", f"{result.destination}: {warning}")
        for check in result.checks:
            if not check.passed:
                self._write_line(
                    "ERROR" if check.blocks else "WARNING", f"{result.destination}: {check.name}: {check.message}"
                )
        self._write_line(
            "INFO", f"Loaded: job {job} wrote {result.rows:,} rows to {result.table} in {outcome.seconds:.1f} s"
        )

    def _write_line(self, level: str, message: str) -> None:
        if self._stream:
            moment = datetime.now().astimezone()
            self._stream.write(f"{moment:%Y-%m-%d %H:%M:%S} | {level:<8} | {' '.join(redact(message).split())}\n")
