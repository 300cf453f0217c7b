"""`foundation adopt`: takes tables over, and prints what is carried and what is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.markup import escape
from rich.table import Table

from data_foundation.cli.consoles import counted, err, out
from data_foundation.config.table_names import table_name_of
from data_foundation.loading.adoption.adopt import Adoption, Request, adopt
from data_foundation.loading.adoption.dlt_pipeline import PipelineReader
from data_foundation.loading.task import Task
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.base import Warehouse


def adopt_all(tasks: Sequence[Task], warehouse: Warehouse, request: Request) -> bool:
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
            _print_adoptions(adoptions, others, is_dry=request.is_dry)
    return not all(adoption.refusal for adoption in adoptions)


def _print_adoptions(adoptions: Sequence[Adoption], others: Collection[str], *, is_dry: bool) -> None:
    """Prints a table of the adoptions, and the tables that are left."""
    table = Table("asset", "rows", "cursor", "with it", "remark")
    for one in adoptions:
        cursors = ", ".join(f"{path} {redact(str(value))}" for path, value in (one.cursors or {}).items())
        remark = f"[yellow]not adopted[/]: {escape(one.refusal)}" if one.refusal else escape(one.remark)
        rows = "" if one.refusal else f"{one.rows:,}"
        table.add_row(one.destination, rows, escape(cursors), escape(", ".join(one.tables)), remark)
    out.print(table)
    if others:
        names = ", ".join(sorted(others))
        out.print(f"not taken over, as no target has them as destination: {names}", highlight=False)
    taken = counted(sum(not one.refusal for one in adoptions), "table")
    end = "would be adopted; nothing was written" if is_dry else "adopted; the next run continues at the cursor"
    out.print(f"{taken} {end}", highlight=False)
