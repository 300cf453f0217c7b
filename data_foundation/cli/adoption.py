"""`foundation adopt` and `foundation copy`: take tables over or copy them, and print what was carried."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.markup import escape
from rich.table import Table

from data_foundation.cli.consoles import counted, err, out
from data_foundation.cli.json_lines import WriteLine, print_note, print_written
from data_foundation.config.table_names import table_name_of
from data_foundation.loading.adoption.adopt import Adoption, Request, adopt
from data_foundation.loading.adoption.dlt_pipeline import PipelineReader
from data_foundation.loading.copying.copy_table import copy_table
from data_foundation.loading.task import Task
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.base import Warehouse


def adopt_all(tasks: Sequence[Task], warehouse: Warehouse, request: Request, *, as_json: bool) -> bool:
    """Takes over the table of each resource; returns False if none was.

    What is taken over before an error is printed as well.
    """
    adoptions: list[Adoption] = []
    reader = PipelineReader()
    try:
        for task in tasks:
            adoptions.append(adopt(task, warehouse, request, lambda note: err.print(escape(note)), reader))  # noqa: PERF401 - those before an error are printed
    finally:
        if adoptions:
            of_pipeline = frozenset[str]().union(*(adoption.of_pipeline for adoption in adoptions))
            others = of_pipeline - {table_name_of(task.resource).table for task in tasks}
            if as_json:
                _print_adoption_lines(adoptions, is_dry=request.is_dry)
            else:
                out.print(_tabulate(adoptions))
            _print_summary(adoptions, others, is_dry=request.is_dry)
    return not all(adoption.refusal for adoption in adoptions)


def copy_all(tasks: Sequence[Task], warehouse: Warehouse, target: Warehouse, *, as_json: bool) -> None:
    """Copies the tables of each resource, and prints each that was, the ones before an error as well."""
    for task in tasks:
        copied = copy_table(task, warehouse.serving(task.resource), target, lambda note: err.print(escape(note)))
        own, *others = (f"{rows:,} in {table}" for table, rows in copied.tables.items())
        more = f", {', '.join(others)}" if others else ""
        done = f"{copied.destination}: {own}{more}; {counted(copied.attempts, 'attempt')} of the audit trail"
        figures = {"tables": copied.tables, "attempts": copied.attempts}
        line = WriteLine("table", copied.destination, "copied", rows=sum(copied.tables.values()), metadata=figures)
        print_written(line, done, as_json=as_json)
    there = f"{counted(len(tasks), 'table')} in {target.location}, equal row by row"
    print_note(there)
    way = f"Now set `warehouse: {target.kind}`, or WAREHOUSE={target.kind} for all; the next run continues there"
    print_note(way)


def _print_adoption_lines(adoptions: Sequence[Adoption], *, is_dry: bool) -> None:
    """Prints each adoption as JSON."""
    for one in adoptions:
        cursors = {path: redact(str(value)) for path, value in (one.cursors or {}).items()}
        action, is_written = "not adopted" if one.refusal else "adopted", not (one.refusal or is_dry)
        rows = None if one.refusal else one.rows
        carried = {"cursors": cursors, "tables": one.tables}
        line = WriteLine("table", one.destination, action, is_written, rows, one.remark, one.refusal, carried)
        print_written(line, as_json=True)


def _tabulate(adoptions: Sequence[Adoption]) -> Table:
    """Returns a table of the adoptions."""
    table = Table("asset", "rows", "cursor", "with it", "remark")
    for one in adoptions:
        cursors = ", ".join(f"{path} {redact(str(value))}" for path, value in (one.cursors or {}).items())
        remark = f"[yellow]not adopted[/]: {escape(one.refusal)}" if one.refusal else escape(one.remark)
        rows = "" if one.refusal else f"{one.rows:,}"
        table.add_row(one.destination, rows, escape(cursors), escape(", ".join(one.tables)), remark)
    return table


def _print_summary(adoptions: Sequence[Adoption], others: Collection[str], *, is_dry: bool) -> None:
    """Prints the tables that are left, and how many were taken over."""
    if others:
        names = ", ".join(sorted(others))
        print_note(f"not taken over, as no target has them as destination: {names}")
    taken = counted(sum(not one.refusal for one in adoptions), "table")
    end = "would be adopted; nothing was written" if is_dry else "adopted; the next run continues at the cursor"
    print_note(f"{taken} {end}")
