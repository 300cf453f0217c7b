"""`foundation adopt`: takes tables over, and prints what is carried and what is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.markup import escape
from rich.table import Table

from data_foundation.cli.consoles import counted, err, out
from data_foundation.config.table_names import table_name_of
from data_foundation.loading.adoption.adopt import Adoption, Request, adopt
from data_foundation.loading.task import Task
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.base import Warehouse


def adopt_all(tasks: Sequence[Task], warehouse: Warehouse, request: Request) -> tuple[list[Adoption], frozenset[str]]:
    """Returns what is taken over for each resource, and the tables of the pipeline that no resource has."""
    adoptions = [adopt(task, warehouse, request, lambda note: err.print(escape(note))) for task in tasks]
    of_pipeline = frozenset[str]().union(*(adoption.of_pipeline for adoption in adoptions))
    return adoptions, of_pipeline - {table_name_of(task.resource).table for task in tasks}


def print_adoptions(adoptions: Sequence[Adoption], others: Collection[str], *, is_dry: bool) -> None:
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
        out.print(f"not taken over, as no resource has them as destination: {names}", highlight=False)
    taken = counted(sum(not one.refusal for one in adoptions), "table")
    end = "would be adopted; nothing was written" if is_dry else "adopted; the next run continues at the cursor"
    out.print(f"{taken} {end}", highlight=False)
