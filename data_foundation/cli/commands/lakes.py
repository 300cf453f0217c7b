"""The command `foundation lake optimize`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import err, out
from data_foundation.cli.json_lines import AsJson, WriteLine, print_written
from data_foundation.cli.targets import read_sources
from data_foundation.errors import FoundationError
from data_foundation.project.root import find_root

if TYPE_CHECKING:
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.lake.upkeep.run import KeptTable

app = typer.Typer(no_args_is_help=True, help="Tables of a data lake.")


@app.callback()
def lake() -> None:
    """Tables of a data lake."""


@app.command()
def optimize(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Default: every table in the lake.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Put small files of Delta and Iceberg tables together, and remove versions that the settings do not keep."""
    from data_foundation.loading.task import LoadOptions, new_run_id
    from data_foundation.local.lake_upkeep import is_in_lake
    from data_foundation.local.lake_upkeep import optimize as optimize_table
    from data_foundation.local.selection import select_tasks
    from data_foundation.warehouses.settings import build_warehouse

    sources, broken = read_sources()
    warehouse = build_warehouse(find_root())
    tasks = select_tasks(targets or [], sources, broken, LoadOptions(run_id=new_run_id()))
    failed = False
    for task in tasks if targets else [task for task in tasks if is_in_lake(task, warehouse)]:
        try:
            lines = list(_describe(task, optimize_table(task, warehouse, out.print)))
        except FoundationError as error:
            failed, name = True, str(task.resource.destination)
            err.print(f"[red]failed[/] {escape(f'{name}: {error}')}")
            lines = [WriteLine("table", name, "failed", written=False, error=str(error))] if as_json else []
        for line in lines:
            print_written(line, f"{line.name}: {line.detail}", as_json=as_json)
    raise typer.Exit(int(failed))


def _describe(task: Task, kept: Sequence[KeptTable]) -> Iterator[WriteLine]:
    """Yields a line for each table of a resource."""
    for table in kept:
        figures = {"replaced": table.replaced, "removed": table.removed}
        what = f"{table.replaced} files put together, {table.removed} of expired versions removed"
        name, is_changed = f"{task.resource.dataset}.{table.name}", any(figures.values())
        yield WriteLine("table", name, "optimized", written=is_changed, detail=what, metadata=figures)
    if not kept:
        yield WriteLine("table", str(task.resource.destination), "kept", written=False, detail="not loaded yet")
