"""The dated log of loads without Dagster: `logs/ingestion_YYYYMMDD.log`, a line for each thing that happened."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Self, TextIO

from data_foundation.loading.progress import Progress
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from data_foundation.loading.parallel import Outcome

logger = logging.getLogger(__name__)


class IngestionLog:
    """Appends to the log of the day on which it is opened; where that cannot be written, loads go on without."""

    def __init__(self, root: Path) -> None:
        """Names the file.

        Args:
            root: The repository.
        """
        self.file = root / "logs" / f"ingestion_{datetime.now().astimezone():%Y%m%d}.log"
        self._stream: TextIO | None = None
        self._last: dict[str, Progress] = {}

    def __enter__(self) -> Self:
        try:
            self.file.parent.mkdir(exist_ok=True)
            self._stream = self.file.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.file, error.strerror)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()

    def tell(self, event: Progress | Outcome) -> None:
        """Writes what happened, if it is anything new."""
        if isinstance(event, Progress):
            self._tell_progress(event)
        else:
            self._tell_outcome(event)

    def _tell_progress(self, now: Progress) -> None:
        last = self._last.get(now.destination)
        if last is None:
            self._write("INFO", f"Starting: {now.destination}")
        elif last.phase == "extract" and now.phase not in {"extract", "failed"}:
            self._write("INFO", f"Extracted {last.rows:,} rows for {now.destination}")
        if now.note and now.level != "DEBUG":  # a traceback, on one line of no use: the error names its file
            self._write(now.level, f"{now.destination}: {now.note}")
        self._last[now.destination] = now

    def _tell_outcome(self, outcome: Outcome) -> None:
        job, result = outcome.task.job_id, outcome.result
        if result is None:
            self._write("ERROR", f"Failed: job {job} after {outcome.seconds:.1f} s: {outcome.error}")
            return
        for warning in result.warnings:
            self._write("WARNING", f"{result.destination}: {warning}")
        for check in result.checks:
            if not check.passed:
                self._write(
                    "ERROR" if check.blocks else "WARNING", f"{result.destination}: {check.name}: {check.message}"
                )
        self._write(
            "INFO", f"Loaded: job {job} wrote {result.rows:,} rows to {result.table} in {outcome.seconds:.1f} s"
        )

    def _write(self, level: str, message: str) -> None:
        if self._stream:
            moment = datetime.now().astimezone()
            self._stream.write(f"{moment:%Y-%m-%d %H:%M:%S} | {level:<8} | {' '.join(redact(message).split())}\n")
