"""Prints rows of the warehouse, the columns of a table and the history of its schema; and the rows of a preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from data_foundation.cli.consoles import counted, err, out
from data_foundation.cli.json_lines import print_lines
from data_foundation.errors import FoundationError

if TYPE_CHECKING:
    from data_foundation.inspection.plan import Plan
    from data_foundation.inspection.schema_history import SchemaVersion
    from data_foundation.inspection.select import Rows
    from data_foundation.loading.task import Task
    from data_foundation.local.preview import Preview

MOST_COLUMNS = 8
"""Maximum number of columns in a preview's rows; the schema above them lists every column."""


def print_rows(found: Rows, *, as_json: bool) -> None:
    """Prints rows as a table, or as JSON lines; a note on stderr says if there are more."""
    if as_json:
        if twice := [name for name, count in Counter(found.names).items() if count > 1]:
            raise FoundationError(f"--json: two columns are called {', '.join(twice)}; give one another name with AS")
        print_lines(dict(zip(found.names, row, strict=True)) for row in found.rows)
    else:
        table = Table(header_style="bold")
        for name in found.names:
            table.add_column(escape(name), overflow="fold")
        for row in found.rows:
            table.add_row(*(escape(_text(value)) for value in row))
        out.print(table)
    if found.is_cut:
        err.print(f"only the first {counted(len(found.rows), 'row')}; --limit shows more")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def schema_tables(version: SchemaVersion) -> Iterator[Table]:
    """Yields a table of columns for each table of a schema."""
    from data_foundation.inspection.schema_history import describe_type

    for name, columns in version.columns.items():
        table = Table(title=name, title_justify="left", header_style="bold", min_width=len(name))
        for heading in ("column", "type", "description"):
            table.add_column(heading, overflow="fold")
        for column, hints in columns.items():
            table.add_row(escape(column), describe_type(hints), escape(hints.get("description") or ""))
        yield table


def history_lines(versions: list[SchemaVersion]) -> Iterator[str]:
    """Yields a line for each version, and one for each of its changes."""
    for version in versions:
        yield f"version {version.version}  {version.stored:%Y-%m-%d %H:%M:%S} UTC"
        yield from (f"  {change}" for change in version.changes or ("no column has changed",))


def plan_lines(plans: Sequence[Plan]) -> Iterator[str]:
    """Yields a line for each table, and below it what changes and what would be lost."""
    for plan in plans:
        rows = "" if plan.rows is None else f"; it has {counted(plan.rows, 'row')}"
        cursor = f", from {plan.cursor} on" if plan.cursor else ""
        yield escape(f"{plan.asset}: {plan.action}{cursor}{rows}")
        for table, count in plan.tables.items():
            yield escape(f"  {table}: {'created with its first row' if count is None else counted(count, 'row')}")
        yield from (f"  {escape(change)}" for change in plan.changes)
        yield from (f"  [red]lost[/] {escape(loss)}" for loss in plan.losses)
        if plan.refusal:
            yield f"  [red]refused[/] {escape(plan.refusal)}"


def preview_tables(previews: Sequence[Preview]) -> list[Table]:
    """Returns two tables for each preview: its schema and its rows, those of a nested table with their parent's."""
    tables = []
    with_children = {preview.parent for preview in previews}
    for preview in previews:
        schema = _titled(f"{preview.destination}: schema")
        for name in ("column", "type", "nullable", "description"):
            schema.add_column(name, overflow="fold")
        for name, column in preview.columns.items():
            nullable = "" if column.get("nullable", True) else "no"
            schema.add_row(escape(name), column["data_type"], nullable, escape(column.get("description") or ""))
        tables += [schema, _preview_rows(preview, is_numbered=preview.destination in with_children)]
    return tables


def differences(root: Path, task: Task, previews: Sequence[Preview]) -> list[str]:
    """Returns a line for each table and column that a load of the previewed rows would create or change."""
    from data_foundation.config.table_names import landing_table_of, table_name_of
    from data_foundation.inspection.difference import Arriving, find_differences
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(root).serving(task.resource)
    arriving = [Arriving(one.destination.split(".", 1)[1], one.columns, one.names, one.rows) for one in previews]
    landing = landing_table_of(task.source.name, task.resource).table
    return find_differences(warehouse, table_name_of(task.resource), arriving, landing)


def _preview_rows(preview: Preview, *, is_numbered: bool) -> Table:
    """Returns the rows, with the type of each column below its name."""
    origin = f" of {preview.parent}" if preview.parent else ""
    rows = _titled(f"{preview.destination}: {len(preview.rows)} rows{origin}")
    if preview.parent:
        rows.add_column("row of parent", justify="right")
    if is_numbered:
        rows.add_column("row", justify="right")
    for name in preview.names[:MOST_COLUMNS]:
        heading = f"{escape(name)}\n[not bold dim]{preview.columns[name]['data_type']}[/]"
        rows.add_column(heading, max_width=30, no_wrap=True)
    for number, row in enumerate(preview.rows, 1):
        places = [str(preview.parents[number - 1])] if preview.parent else []
        places += [str(number)] if is_numbered else []
        rows.add_row(*places, *(escape(_text(value)) for value in row[:MOST_COLUMNS]))
    return rows


def _titled(title: str) -> Table:
    """Returns a table that is at least as wide as its title, so that the title is not wrapped."""
    return Table(title=title, title_justify="left", header_style="bold", min_width=len(title))
