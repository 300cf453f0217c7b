"""The command `foundation lake optimize`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import err, out
from data_foundation.cli.targets import read_sources
from data_foundation.errors import FoundationError
from data_foundation.project.root import find_root

app = typer.Typer(no_args_is_help=True, help="Tables of a data lake.")


@app.callback()
def lake() -> None:
    """Tables of a data lake."""


@app.command()
def optimize(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Default: every table in the lake.")
    ] = None,
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
            kept = optimize_table(task, warehouse, out.print)
        except FoundationError as error:
            failed = True
            err.print(f"[red]failed[/] {escape(f'{task.resource.destination}: {error}')}")
            continue
        for table in kept:
            what = f"{table.replaced} files put together, {table.removed} of expired versions removed"
            out.print(f"{task.resource.dataset}.{table.name}: {what}", highlight=False)
        if not kept:
            out.print(f"{task.resource.destination}: not loaded yet", highlight=False)
    raise typer.Exit(int(failed))
