"""The commands that show what is in the warehouse: sql, show, schema, check-data, plan and ui."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import err, out
from data_foundation.cli.json_lines import AsJson, CheckLine, WriteLine, print_lines, print_note, print_written
from data_foundation.errors import FoundationError
from data_foundation.project.root import find_root

app = typer.Typer()

PLOTTED_LOADS = 200
"""Newest loads of a table that are plotted, as far as the terminal is wide."""

Limit = Annotated[int, typer.Option(min=1, help="Maximum number of rows.")]


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="SELECT", help='For instance "select count(*) from raw.orders".')],
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Run one SELECT in the warehouse; nothing can be changed."""
    from data_foundation.cli.rows_report import print_rows
    from data_foundation.inspection.select import read_select
    from data_foundation.warehouses.settings import build_warehouse

    print_rows(read_select(build_warehouse(find_root()), query, limit), as_json=as_json)


@app.command()
def show(
    table: Annotated[str, typer.Argument(metavar="DATASET.TABLE", help="For instance raw.github_commits.")],
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show rows of a table, of a nested table or of a dbt model, and plots of the loads of a table."""
    from data_foundation.audit.read import read_trail
    from data_foundation.cli.audit_report import print_origin, print_plots
    from data_foundation.cli.rows_report import print_rows
    from data_foundation.inspection.tables import asset_of, find_table, show_table
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(find_root())
    print_rows(show_table(warehouse, table, limit), as_json=as_json)
    if not as_json:
        trail = read_trail(warehouse, asset_of(warehouse, find_table(warehouse, table)), last=PLOTTED_LOADS)
        if trail.attempts:
            print_origin(err, trail, is_kept=warehouse.keeps_audit)
        print_plots(out, trail.attempts)


@app.command()
def schema(
    table: Annotated[str, typer.Argument(metavar="DATASET.TABLE", help="For instance raw.github_commits.")],
    history: Annotated[bool, typer.Option("--history", help="Every version, and what each has changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the columns of a loaded table and of its nested tables, or how they have changed."""
    from data_foundation.cli.rows_report import history_lines, schema_tables
    from data_foundation.inspection.schema_history import read_history, read_newest_schema
    from data_foundation.naming import TableName
    from data_foundation.warehouses.settings import build_warehouse

    if table.count(".") != 1:
        raise FoundationError(f"table '{table}': accepted is DATASET.TABLE, for instance raw.github_commits")
    warehouse = build_warehouse(find_root())
    name = TableName.parse(table.lower())
    only_newest = warehouse.format and not history
    versions = [read_newest_schema(warehouse, name)] if only_newest else read_history(warehouse, name)
    shown = versions if history else versions[-1:]
    if as_json:
        print_lines(asdict(version) for version in shown)
    elif history:
        for line in history_lines(versions):
            out.print(escape(line), highlight=False, soft_wrap=True)
    else:
        out.print(*schema_tables(versions[-1]), sep="\n")


@app.command("check-data")
def check_data(
    target: Annotated[
        str | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Or a job id. Default: every source.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every row of each table, where a load checks the keys of its own rows; exit with 1 if a check blocks."""
    from data_foundation.cli.targets import sound_tasks
    from data_foundation.local.check_data import check_tables
    from data_foundation.warehouses.settings import build_warehouse

    tasks, are_missing = sound_tasks(target)
    found = list(check_tables(tasks, build_warehouse(find_root())))
    if as_json:
        lines = (CheckLine(name, one.name, one.passed, one.blocks, one.message, one.metadata) for name, one in found)
        print_lines(asdict(line) for line in lines)
    else:
        for table, outcome in found:
            mark = "[green]ok[/]" if outcome.passed else "[red]failed[/]" if outcome.blocks else "[yellow]warning[/]"
            out.print(f"{mark} {table}: {outcome.name}: {escape(outcome.message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(int(are_missing or any(outcome.blocks for _, outcome in found)))


@app.command()
def plan(
    target: Annotated[
        str | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Or a job id. Default: every source.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the next run would do to each table; exit with 2 if it would lose rows or fail. Calls no source."""
    from data_foundation.cli.rows_report import plan_lines
    from data_foundation.cli.targets import sound_tasks
    from data_foundation.inspection.plan import make_plans
    from data_foundation.warehouses.settings import build_warehouse

    tasks, are_missing = sound_tasks(target)
    plans = make_plans(tasks, build_warehouse(find_root()))
    if as_json:
        print_lines(asdict(one) for one in plans)
    else:
        for line in plan_lines(plans):
            out.print(line, highlight=False, soft_wrap=True)
    raise typer.Exit(2 if are_missing or any(one.losses or one.refusal for one in plans) else 0)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for one that is free.")] = 3100,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the pages in the browser.")] = True,
    as_json: AsJson = False,
) -> None:
    """Look at tables, loads and schemas in the browser, and run a SELECT; read only, for this machine alone."""
    from data_foundation.cli.targets import read_sources
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    warehouse = build_warehouse(root)
    read_sources()
    try:
        from data_foundation.ui.server import serve
    except ModuleNotFoundError as error:
        raise FoundationError(f"foundation ui needs {error.name}: pip install 'data-foundation[ui]'") from None
    serve(root, warehouse, port, partial(_print_address, as_json=as_json), opens=opens)


def _print_address(address: str, *, as_json: bool) -> None:
    print_written(WriteLine("page", address, "serving", written=False), f"open {address}", as_json=as_json)
    note = "the address is yours alone: whoever has it can read the tables. Ctrl-C ends the pages"
    print_note(note)
