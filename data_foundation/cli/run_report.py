"""What a run shows in a terminal: progress while it works, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from data_foundation.cli.required_settings import Setting, find_settings
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import SettingMissing

if TYPE_CHECKING:
    from rich.progress import TaskID

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome
    from data_foundation.loading.progress import Progress
    from data_foundation.local.preview import Preview
    from data_foundation.project.find_sources import FoundSource

MOST_COLUMNS = 8
"""Columns of a preview's rows; the schema above them shows every column."""

NOTES: Mapping[str, str] = {"INFO": "dim", "WARNING": "yellow", "ERROR": "red"}
"""Colours of what a source says, by level."""

SAY_SECONDS = 2.0
"""Where there is no terminal: how often a phase that goes on says how far it is."""


class ProgressView:
    """A line per table: live in a terminal, written once per phase anywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description:<36}"),
            TextColumn("{task.fields[phase]:<10}"),
            TextColumn("{task.fields[rows]:>11,} rows"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """Shows one moment of one load."""
        name, phase = progress.destination, progress.phase
        if progress.level == "DEBUG":
            return  # a traceback: the error names its file
        # A wait and another attempt are said by the loader's own log.
        if progress.note and phase not in ("waiting", "retrying"):
            self._console.print(f"[{NOTES[progress.level]}]{name}[/]  {escape(progress.note)}", soft_wrap=True)
            return
        if not self._console.is_terminal:
            self._say(progress)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, phase=phase, rows=0)
        if phase in ("done", "failed"):
            self._bars.remove_task(self._tasks.pop(name))
            mark = "[green]landed[/]" if phase == "done" else "[red]failed[/]"
            self._console.print(f"{mark}  {name}  {progress.rows:,} rows")
        else:
            self._bars.update(self._tasks[name], phase=phase, rows=progress.rows)

    def _say(self, progress: Progress) -> None:
        phase, said = self._said.get(progress.destination, ("", 0.0))
        if phase != progress.phase or time.monotonic() - said > SAY_SECONDS:
            self._said[progress.destination] = (progress.phase, time.monotonic())
            if progress.phase != "waiting":
                self._console.print(f"{progress.destination:<36} {progress.phase:<10} {progress.rows:>11,} rows")


def summary_table(outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> Table:
    """Returns the table that a run ends with: assets, rows and seconds."""
    table = Table(title=None, header_style="bold")
    for name in ("asset", "loaded", "rows", "seconds", "state"):
        table.add_column(name, justify="right" if name in ("loaded", "rows", "seconds") else "left", overflow="fold")
    for outcome in sorted(outcomes, key=lambda outcome: outcome.task.resource.destination):
        result = outcome.result
        name = result.destination if result else outcome.task.resource.destination
        loaded = f"{result.rows:,}" if result else ""
        rows = _count(result.row_count) if result else ""
        table.add_row(name, loaded, rows, f"{outcome.seconds:.1f}", _state(outcome))
        for child, count in (result.children if result else {}).items():
            table.add_row(f"  {name.split('.')[0]}.{child}", "", f"{count:,}", "", "")
    if models:
        table.add_section()
    for model in models:
        state = "[green]built[/]" if model.succeeded else f"[red]{model.state}[/]"
        table.add_row(model.name, "", _count(model.rows), f"{model.seconds:.1f}", state)
    return table


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _state(outcome: Outcome) -> str:
    if isinstance(outcome.error, SettingMissing):
        return f"[yellow]needs {', '.join(outcome.error.settings)}[/]"
    if outcome.result is None:
        return "[red]failed[/]"
    if outcome.result.is_blocked:
        return "[red]landed, check failed[/]"
    seen = outcome.result.warnings or not all(check.passed for check in outcome.result.checks)
    return "[yellow]landed, see below[/]" if seen else "[green]landed[/]"


def print_details(console: Console, outcomes: Iterable[Outcome], models: Iterable[ModelResult] = ()) -> None:
    """Prints every error, warning and failed check, with what to do; what ails all tables alike is said once."""
    outcomes = list(outcomes)
    errors = [o.error for o in outcomes if o.error and not isinstance(o.error, SettingMissing)]
    for error in dict.fromkeys(map(str, errors)):
        console.print(f"[red]error[/] {escape(error)}")
    for outcome in outcomes:
        for warning in outcome.result.warnings if outcome.result else ():
            console.print(f"[yellow]warning[/] {outcome.task.resource.destination}: {escape(warning)}")
        for check in outcome.result.checks if outcome.result else ():
            if not check.passed:
                mark = "[red]check[/]" if check.blocks else "[yellow]check[/]"
                effect = "; dbt models below it wait" if check.blocks else ""
                said = f"{outcome.task.resource.destination}: {check.name}: {check.message}{effect}"
                console.print(f"{mark} {escape(said)}")
    for model in models:
        if not model.succeeded:
            console.print(f"[red]{model.state}[/] {model.name}: {escape(model.message.strip())}")


def assets_table(sources: Sequence[FoundSource], environment: Mapping[str, str]) -> Table:
    """Returns every asset with its disposition, schedule and the state of the settings of its source."""
    table = Table(header_style="bold")
    for name in ("source", "asset", "disposition", "automation", "settings"):
        table.add_column(name, overflow="fold")
    for source in sources:
        settings = find_settings(source, environment)
        for position, resource in enumerate(source.config.resources):
            first = position == 0
            table.add_row(
                source.config.name if first else "",
                str(table_name_of(resource)),
                resource.meeting,
                _automation(resource),
                _settings(settings) if first else "",
            )
        table.add_section()
    return table


def _automation(resource: ResourceConfig) -> str:
    automation = resource.automation
    if automation is None or automation.condition == "manual":
        return "manual"
    return f"{automation.cron} {automation.timezone}" if automation.cron else automation.condition


def _settings(settings: Sequence[Setting]) -> str:
    missing = [setting.name for setting in settings if setting.required and not setting.is_set]
    optional = [setting.name for setting in settings if not setting.required and not setting.is_set]
    needs = f"[yellow]needs {', '.join(missing)}[/]" if missing else "[green]complete[/]"
    return f"{needs} (optional: {', '.join(optional)})" if optional else needs


def preview_tables(previews: Sequence[Preview]) -> list[Table]:
    """Returns for each table its schema and its rows."""
    tables = []
    for shown in previews:
        schema = _titled(f"{shown.destination}: schema")
        for name in ("column", "type", "nullable", "description"):
            schema.add_column(name, overflow="fold")
        for name, column in shown.columns.items():
            nullable = "" if column.get("nullable", True) else "no"
            schema.add_row(escape(name), column["data_type"], nullable, escape(column.get("description") or ""))
        rows = _titled(f"{shown.destination}: {len(shown.rows)} rows")
        for name in shown.names[:MOST_COLUMNS]:
            rows.add_column(escape(name), max_width=30, no_wrap=True)
        for row in shown.rows:
            rows.add_row(*(escape("" if value is None else str(value)) for value in row[:MOST_COLUMNS]))
        tables += [schema, rows]
    return tables


def _titled(title: str) -> Table:
    """Returns a table that is at least as wide as its title, which would be cut into lines otherwise."""
    return Table(title=title, title_justify="left", header_style="bold", min_width=len(title))
