"""What the audit trail shows in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_foundation.audit.write import Attempt
from data_foundation.cli.resource_status import Job

COLORS = {"loaded": "green", "failed": "red", "killed": "yellow"}
COLUMNS = ("started (UTC)", "asset", "run", "attempt", "status", "rows", "bytes", "seconds", "cursor")
NUMBERS = ("attempt", "rows", "bytes", "seconds")


def print_attempts(console: Console, attempts: Sequence[Attempt]) -> None:
    """Prints a row per attempt, and below what those that failed, wholly or in part, said."""
    table = Table(header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for attempt in attempts:
        table.add_row(
            _moment(attempt.started),
            escape(attempt.asset),
            escape(attempt.run_id[:8]),
            str(attempt.attempt),
            f"[{COLORS[attempt.status]}]{attempt.status}[/]",
            _count(attempt.rows),
            _count(attempt.bytes),
            "" if attempt.seconds is None else f"{attempt.seconds:.1f}",
            escape(attempt.cursor or ""),
        )
    console.print(table)
    for attempt in attempts:
        if attempt.error_class or attempt.error:
            what = ": ".join(filter(None, (attempt.error_class, attempt.error)))
            said = f"{_moment(attempt.started)} {attempt.asset}: {what}"
            console.print(f"[{COLORS[attempt.status]}]{attempt.status}[/] {escape(said)}", highlight=False)


def print_jobs(console: Console, jobs: Sequence[Job]) -> None:
    """Prints a row per job: what its last run did, and the watermark as of now."""
    table = Table(header_style="bold")
    for name in ("job", "asset", "last run (UTC)", "status", "rows", "seconds", "watermark"):
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for job in jobs:
        table.add_row(
            escape(job.job_id),
            escape(job.asset),
            _moment(job.started) if job.started else "",
            f"[{COLORS[job.status]}]{job.status}[/]" if job.status else "never run",
            _count(job.rows),
            "" if job.seconds is None else f"{job.seconds:.1f}",
            escape(job.watermark or ""),
        )
    console.print(table)


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
