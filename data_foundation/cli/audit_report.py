"""Prints the tables of `foundation audit`, and the plots of a table's loads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from data_foundation.audit.read import Trail
from data_foundation.audit.write import Attempt
from data_foundation.cli.resource_status import ResourceStatus

COLORS = {"loaded": "green", "failed": "red", "killed": "yellow"}
COLUMNS = ("started (UTC)", "asset", "run", "attempt", "status", "rows", "deleted", "bytes", "seconds", "cursor")
NUMBER_COLUMNS = ("attempt", "rows", "deleted", "bytes", "seconds")
PLOTTED = ("rows", "bytes", "seconds")
BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "._-=+*%#"
"""Bars from the lowest to the highest, and those of a terminal without Unicode."""

PLOT_REST = 40
"""Columns of a terminal that the words beside a plot take."""


def print_origin(console: Console, trail: Trail, *, is_kept: bool) -> None:
    """Prints a line if the attempts are those of this machine alone.

    Args:
        console: The console.
        trail: The attempts.
        is_kept: True if the warehouse keeps the audit trail.
    """
    if trail.unreachable:
        note = f"warehouse unreachable; showing this machine's log only: {trail.unreachable}"
        console.print(f"[yellow]warning[/] {escape(note)}")
    elif not is_kept:
        console.print("a lake has no audit table; showing this machine's log only", highlight=False)


def print_attempts(console: Console, attempts: Sequence[Attempt]) -> None:
    """Prints a row for each attempt, and below the table the errors, also of attempts that failed in part."""
    table = Table(header_style="bold")
    has_deleted = any(attempt.deleted for attempt in attempts)
    for name in COLUMNS if has_deleted else [name for name in COLUMNS if name != "deleted"]:
        table.add_column(name, justify="right" if name in NUMBER_COLUMNS else "left", overflow="fold")
    for attempt in attempts:
        table.add_row(
            _format_time(attempt.started),
            escape(attempt.asset),
            escape(attempt.run_id[:8]),
            str(attempt.attempt),
            f"[{COLORS[attempt.status]}]{attempt.status}[/]",
            _count(attempt.rows),
            *([_count(attempt.deleted)] if has_deleted else []),
            _count(attempt.bytes),
            "" if attempt.seconds is None else f"{attempt.seconds:.1f}",
            escape(attempt.cursor or ""),
        )
    console.print(table)
    for attempt in attempts:
        if attempt.error_class or attempt.error:
            error = ": ".join(filter(None, (attempt.error_class, attempt.error)))
            message = f"{_format_time(attempt.started)} {attempt.asset}: {error}"
            console.print(f"[{COLORS[attempt.status]}]{attempt.status}[/] {escape(message)}", highlight=False)


def print_plots(console: Console, attempts: Sequence[Attempt]) -> None:
    """Prints a line of bars each for rows, bytes and seconds, a bar for each attempt; failed ones are red."""
    shown = attempts[-max(1, console.width - PLOT_REST) :]
    if not any(attempt.status == "loaded" for attempt in shown):
        return
    begin, end = (_format_time(one.started)[:10] for one in (shown[0], shown[-1]))
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in (f"{len(shown)} loads", f"{begin} to {end}", "smallest", "largest", "newest"):
        table.add_column(name, justify="left" if name.endswith(("loads", end)) else "right", no_wrap=True)
    bars = ASCII_BARS if console.options.ascii_only else BARS
    for name in PLOTTED:
        numbers = [number for one in shown if one.status == "loaded" and (number := getattr(one, name)) is not None]
        if numbers:
            ends = (f"{number:,}" for number in (min(numbers), max(numbers), numbers[-1]))
            table.add_row(name, _bars([(one, getattr(one, name)) for one in shown], max(numbers), bars), *ends)
    console.print(table)


def _bars(values: Sequence[tuple[Attempt, float | None]], highest: float, bars: str) -> Text:
    """Returns a bar for each value, a space where there is none; the lowest bar is 0."""
    text = Text()
    for attempt, value in values:
        share = min(1.0, (value or 0) / highest) if highest else 0.0
        style = "cyan" if attempt.status == "loaded" else COLORS[attempt.status]
        text.append(" " if value is None else bars[round(share * (len(bars) - 1))], style)
    return text


def print_statuses(console: Console, statuses: Sequence[ResourceStatus]) -> None:
    """Prints a row for each resource: its job id, its last run and its current watermark."""
    table = Table(header_style="bold")
    for name in ("job", "asset", "last run (UTC)", "status", "rows", "seconds", "watermark"):
        table.add_column(name, justify="right" if name in NUMBER_COLUMNS else "left", overflow="fold")
    for status in statuses:
        table.add_row(
            escape(status.job_id),
            escape(status.asset),
            _format_time(status.started) if status.started else "",
            f"[{COLORS[status.status]}]{status.status}[/]" if status.status else "never run",
            _count(status.rows),
            "" if status.seconds is None else f"{status.seconds:.1f}",
            escape(status.watermark or ""),
        )
    console.print(table)


def _format_time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
