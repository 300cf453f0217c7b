"""Prints rows of the warehouse, the columns of a table and the history of its schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
        yield from (f"  {escape(change)}" for change in plan.changes)
        yield from (f"  [red]lost[/] {escape(loss)}" for loss in plan.losses)
        if plan.refusal:
            yield f"  [red]refused[/] {escape(plan.refusal)}"
