"""Prints the progress and the summary of `foundation run`, and the table of `foundation list`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typing_extensions import override

from data_foundation.cli.json_lines import ListedAsset, RunLine
from data_foundation.cli.live_output import logs_above
from data_foundation.cli.required_settings import SourceSetting, find_settings
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadStopped, SettingMissing

if TYPE_CHECKING:
    from rich.progress import TaskID

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome
    from data_foundation.loading.progress import Progress
    from data_foundation.project.find_sources import FoundSource

NOTE_COLORS: Mapping[str, str] = {"INFO": "dim", "WARNING": "yellow", "ERROR": "red"}
"""Colours of a load's notes, by log level."""

MARKS: Mapping[str, str] = {"done": "[green]landed[/]", "failed": "[red]failed[/]", "stopped": "[yellow]stopped[/]"}
"""The last phase of a load, as it is shown."""

LINE_SECONDS = 2.0
"""Interval between two lines of the same phase if the output is no terminal."""


NARROW = 70
"""Columns of a terminal below which lines replace the table, and progress has neither a spinner nor a time."""

NAME_WIDTH, REST, NARROW_REST = 36, 37, 22
"""Columns of a table's name in a line of progress, and those of the rest of the line, spaces included."""


class ProgressView:
    """Shows a line for each table: updated in place in a terminal, printed for each phase elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        is_narrow = console.width < NARROW
        self._name_width = max(1, min(NAME_WIDTH, console.width - (NARROW_REST if is_narrow else REST)))
        columns = [
            TextColumn(f"{{task.description:<{self._name_width}}}"),
            TextColumn("{task.fields[phase]:<9}"),
            TextColumn("{task.fields[rows]:>11,}" if is_narrow else "{task.fields[rows]:>11,} rows"),
        ]
        around = [] if is_narrow else [SpinnerColumn(), TimeElapsedColumn()]
        self._bars = Bars(
            *around[:1], *columns, *around[1:], console=console, transient=True, disable=not console.is_terminal
        )
        self._tasks: dict[str, TaskID] = {}
        self._printed: dict[str, tuple[str, float]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        former = sys.stdout, sys.stderr
        self._bars.start()
        self._stack.callback(self._bars.stop)
        if self._console.is_terminal:
            self._stack.enter_context(logs_above(former))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, progress: Progress) -> None:
        """Shows the current phase and row count of a load, or its note."""
        name, phase = progress.destination, progress.phase
        if progress.level == "DEBUG":
            return  # a traceback; the error names its file
        # The loader logs retries itself.
        if progress.note and phase != "retrying":
            self._console.print(f"[{NOTE_COLORS[progress.level]}]{name}[/]  {escape(progress.note)}", soft_wrap=True)
            return
        if not self._console.is_terminal:
            self._print_phase(progress)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(self._shorten(name), total=None, phase=phase, rows=progress.rows)
        if phase in MARKS:
            self._bars.remove_task(self._tasks.pop(name))
            self._console.print(f"{MARKS[phase]}  {name}  {progress.rows:,} rows", soft_wrap=True)
        else:
            self._bars.update(self._tasks[name], phase=phase, rows=progress.rows)

    def _shorten(self, name: str) -> str:
        """Returns the end of a name that is too long: tables of a source begin alike."""
        return name if len(name) <= self._name_width else f"…{name[1 - self._name_width :]}"

    def _print_phase(self, progress: Progress) -> None:
        phase, printed_at = self._printed.get(progress.destination, ("", 0.0))
        if phase != progress.phase or time.monotonic() - printed_at > LINE_SECONDS:
            self._printed[progress.destination] = (progress.phase, time.monotonic())
            if progress.phase != "waiting":
                self._console.print(f"{progress.destination:<36} {progress.phase:<10} {progress.rows:>11,} rows")


@dataclass(frozen=True)
class _Row:
    """A table or a dbt model in the summary of a run; an empty text is unknown."""

    name: str
    state: str = ""
    loaded: str = ""
    rows: str = ""
    seconds: str = ""

    @override
    def __str__(self) -> str:
        """The row in a line."""
        counts = (
            self.loaded and f"{self.loaded} loaded",
            self.rows and f"{self.rows} rows",
            self.seconds and f"{self.seconds} s",
        )
        return "  ".join(filter(None, (self.state, self.name, ", ".join(filter(None, counts)))))


def print_summary(console: Console, outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> None:
    """Prints assets and dbt models, with rows, seconds and state: as a table, in a narrow terminal as lines."""
    landed = [row for one in sorted(outcomes, key=lambda one: one.task.resource.destination) for row in _rows_of(one)]
    built = [_row_of(model) for model in _by_layer(models)]
    if console.width < NARROW:
        for row in (*landed, *built):
            console.print(str(row), highlight=False, soft_wrap=True)
        return
    table = Table(title=None, header_style="bold")
    for name in ("asset", "loaded", "rows", "seconds", "state"):
        table.add_column(name, justify="right" if name in ("loaded", "rows", "seconds") else "left", overflow="fold")
    for rows in filter(None, (landed, built)):
        for row in rows:
            table.add_row(row.name, row.loaded, row.rows, row.seconds, row.state)
        table.add_section()
    console.print(table)


def _rows_of(outcome: Outcome) -> Iterator[_Row]:
    """Yields the row of a resource's table, then those of its nested and further tables."""
    result, seconds = outcome.result, f"{outcome.seconds:.1f}"
    if result is None:
        yield _Row(outcome.task.resource.destination, _state(outcome), seconds=seconds)
        return
    dataset = result.destination.split(".")[0]
    yield _Row(result.destination, _state(outcome), f"{result.rows:,}", _count(result.row_count), seconds)
    for child, count in result.children.items():
        yield _Row(f"  {dataset}.{child}", rows=f"{count:,}")
    for further, filled in result.further.items():
        yield _Row(f"  {dataset}.{further}", loaded=f"{filled.rows:,}", rows=_count(filled.row_count))


def _row_of(model: ModelResult) -> _Row:
    color = "yellow" if model.is_warning else "red"
    state = "[green]built[/]" if model.is_model and model.succeeded else f"[{color}]{model.state}[/]"
    return _Row(model.name, state, rows=_count(model.rows), seconds=f"{model.seconds:.1f}")


def _by_layer(models: Sequence[ModelResult]) -> list[ModelResult]:
    """Returns the models, and tests that found something, by layer and name; the layers in the order of the build."""
    layers = list(dict.fromkeys(model.name.partition(".")[0] for model in models))
    shown = [model for model in models if model.is_model or model.is_warning or not model.succeeded]
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


def run_lines(outcomes: Sequence[Outcome], models: Sequence[ModelResult]) -> Iterator[RunLine]:
    """Yields the same as `print_summary` and `print_details` for JSON; nested tables are not listed."""
    for outcome in sorted(outcomes, key=lambda one: one.task.resource.destination):
        name, result = outcome.task.resource.destination, outcome.result
        if result is None:
            status = "stopped" if isinstance(outcome.error, LoadStopped) else "failed"
            yield RunLine(name, "table", status, outcome.seconds, error=str(outcome.error))
            continue
        status = "blocked" if result.is_blocked else "loaded"
        failed = [f"check {check.name}: {check.message}" for check in result.checks if not check.passed]
        warnings = (*result.warnings, *failed)
        counts = result.rows, result.row_count, result.load_id
        yield RunLine(name, "table", status, outcome.seconds, *counts, warnings=warnings)
    for model in models:
        error = "" if model.succeeded else model.message.strip()
        yield RunLine(model.name, "model", model.state, model.seconds, row_count=model.rows, error=error)


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
        if model.is_warning:
            console.print(f"[yellow]warning[/] {model.name}: {escape(model.message.strip())}")
        elif not model.succeeded and model.message:  # the summary has those that were skipped
            console.print(f"[red]{model.state}[/] {model.name}: {escape(model.message.strip())}")


def asset_lines(sources: Sequence[FoundSource], environment: Mapping[str, str]) -> Iterator[ListedAsset]:
    """Yields the same of each asset as `assets_table`, for JSON."""
    for source in sources:
        missing = [one.name for one in find_settings(source, environment) if one.required and not one.is_set]
        for resource in source.config.resources:
            name, asset = source.config.name, str(table_name_of(resource))
            yield ListedAsset(name, asset, resource.meeting, _automation(resource), tuple(missing))


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
