"""Prints the progress and the summary of `foundation run`, and the tables of `foundation list` and `preview`."""

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

from data_foundation.cli.required_settings import SourceSetting, find_settings
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadStopped, SettingMissing

if TYPE_CHECKING:
    from rich.progress import TaskID

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome
    from data_foundation.loading.progress import Progress
    from data_foundation.local.preview import Preview
    from data_foundation.project.find_sources import FoundSource

MOST_COLUMNS = 8
"""Maximum number of columns in a preview's rows; the schema above them lists every column."""

NOTE_COLORS: Mapping[str, str] = {"INFO": "dim", "WARNING": "yellow", "ERROR": "red"}
"""Colours of a load's notes, by log level."""

MARKS: Mapping[str, str] = {"done": "[green]landed[/]", "failed": "[red]failed[/]", "stopped": "[yellow]stopped[/]"}
"""The last phase of a load, as it is shown."""

LINE_SECONDS = 2.0
"""Interval between two lines of the same phase if the output is no terminal."""


class ProgressView:
    """Shows a line for each table: updated in place in a terminal, printed for each phase elsewhere."""

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
        self._printed: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """Shows the current phase and row count of a load, or its note."""
        name, phase = progress.destination, progress.phase
        if progress.level == "DEBUG":
            return  # a traceback; the error names its file
        # The loader logs waits and retries itself.
        if progress.note and phase not in ("waiting", "retrying"):
            self._console.print(f"[{NOTE_COLORS[progress.level]}]{name}[/]  {escape(progress.note)}", soft_wrap=True)
            return
        if not self._console.is_terminal:
            self._print_phase(progress)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, phase=phase, rows=0)
        if phase in MARKS:
            self._bars.remove_task(self._tasks.pop(name))
            self._console.print(f"{MARKS[phase]}  {name}  {progress.rows:,} rows")
        else:
            self._bars.update(self._tasks[name], phase=phase, rows=progress.rows)

    def _print_phase(self, progress: Progress) -> None:
        phase, printed_at = self._printed.get(progress.destination, ("", 0.0))
        if phase != progress.phase or time.monotonic() - printed_at > LINE_SECONDS:
            self._printed[progress.destination] = (progress.phase, time.monotonic())
            if progress.phase != "waiting":
                self._console.print(f"{progress.destination:<36} {progress.phase:<10} {progress.rows:>11,} rows")


def summary_table(outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> Table:
    """Returns the final table of a run: assets and dbt models, with rows, seconds and state."""
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
        for further, filled in (result.further if result else {}).items():
            table.add_row(f"  {name.split('.')[0]}.{further}", f"{filled.rows:,}", _count(filled.row_count), "", "")
    shown = _by_layer(models)
    if shown:
        table.add_section()
    for model in shown:
        state = "[green]built[/]" if model.succeeded else f"[red]{model.state}[/]"
        table.add_row(model.name, "", _count(model.rows), f"{model.seconds:.1f}", state)
    return table


def _by_layer(models: Sequence[ModelResult]) -> list[ModelResult]:
    """Returns the models, and the tests that did not pass, by layer and name; the layers in the order of the build."""
    layers = list(dict.fromkeys(model.name.partition(".")[0] for model in models))
    shown = [model for model in models if model.is_model or not model.succeeded]
    return sorted(shown, key=lambda model: (layers.index(model.name.partition(".")[0]), model.name))


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _state(outcome: Outcome) -> str:
    if isinstance(outcome.error, SettingMissing):
        return f"[yellow]needs {', '.join(outcome.error.settings)}[/]"
    if isinstance(outcome.error, LoadStopped):
        return MARKS["stopped"]
    if outcome.result is None:
        return MARKS["failed"]
    if outcome.result.is_blocked:
        return "[red]landed, check failed[/]"
    has_details = outcome.result.warnings or not all(check.passed for check in outcome.result.checks)
    return "[yellow]landed, see below[/]" if has_details else "[green]landed[/]"


def print_details(console: Console, outcomes: Iterable[Outcome], models: Iterable[ModelResult] = ()) -> None:
    """Prints the errors, warnings and failed checks; an error that several tables share is printed once."""
    outcomes = list(outcomes)
    errors = [o.error for o in outcomes if o.error and not isinstance(o.error, SettingMissing)]
    for message, kind in {str(error): type(error) for error in errors}.items():
        # The message of a stop begins with that word.
        mark = "[yellow]warning[/]" if kind is LoadStopped else "[red]error[/]"
        console.print(f"{mark} {escape(message)}")
    for outcome in outcomes:
        for warning in outcome.result.warnings if outcome.result else ():
            console.print(f"[yellow]warning[/] {outcome.task.resource.destination}: {escape(warning)}")
        for check in outcome.result.checks if outcome.result else ():
            if not check.passed:
                mark = "[red]check[/]" if check.blocks else "[yellow]check[/]"
                effect = "; dbt models that read the table wait until it passes" if check.blocks else ""
                message = f"{outcome.task.resource.destination}: {check.name}: {check.message}{effect}"
                console.print(f"{mark} {escape(message)}")
    for model in models:
        if not model.succeeded:
            console.print(f"[red]{model.state}[/] {model.name}: {escape(model.message.strip())}")


def assets_table(sources: Sequence[FoundSource], environment: Mapping[str, str]) -> Table:
    """Returns a table of all assets: write disposition, schedule, and the missing settings of each source."""
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


def _settings(settings: Sequence[SourceSetting]) -> str:
    missing = [setting.name for setting in settings if setting.required and not setting.is_set]
    optional = [setting.name for setting in settings if not setting.required and not setting.is_set]
    needs = f"[yellow]needs {', '.join(missing)}[/]" if missing else "[green]complete[/]"
    return f"{needs} (optional: {', '.join(optional)})" if optional else needs


def preview_tables(previews: Sequence[Preview]) -> list[Table]:
    """Returns two tables for each preview: its schema and its rows."""
    tables = []
    for preview in previews:
        schema = _titled(f"{preview.destination}: schema")
        for name in ("column", "type", "nullable", "description"):
            schema.add_column(name, overflow="fold")
        for name, column in preview.columns.items():
            nullable = "" if column.get("nullable", True) else "no"
            schema.add_row(escape(name), column["data_type"], nullable, escape(column.get("description") or ""))
        rows = _titled(f"{preview.destination}: {len(preview.rows)} rows")
        for name in preview.names[:MOST_COLUMNS]:
            rows.add_column(escape(name), max_width=30, no_wrap=True)
        for row in preview.rows:
            rows.add_row(*(escape("" if value is None else str(value)) for value in row[:MOST_COLUMNS]))
        tables += [schema, rows]
    return tables


def _titled(title: str) -> Table:
    """Returns a table that is at least as wide as its title, so that the title is not wrapped."""
    return Table(title=title, title_justify="left", header_style="bold", min_width=len(title))
