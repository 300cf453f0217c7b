"""The commands that load: preview and run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from data_foundation.cli.commands.alerts import is_reported, send_run_alerts
from data_foundation.cli.consoles import err, out
from data_foundation.cli.json_lines import AsJson, PreviewedChanges, TestedResource, print_lines
from data_foundation.cli.targets import read_sources
from data_foundation.errors import FoundationError
from data_foundation.loading.task import LoadOptions, Refresh, new_run_id
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command()
def preview(
    target: Annotated[
        str, typer.Argument(metavar="SOURCE[.TABLE]", help="For instance github or github.github_commits.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="Rows per resource.")] = 20,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what a load of these rows would create or change in the warehouse.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the schema and some rows of a resource; writes to no warehouse."""
    from data_foundation.cli.rows_report import differences, preview_tables
    from data_foundation.local.preview import preview_resource
    from data_foundation.local.selection import select_tasks

    sources, broken = read_sources()
    failed = False
    for task in select_tasks([target], sources, broken):
        try:
            previews = preview_resource(task.source, task.resource, limit)
        except FoundationError as error:
            failed = True
            err.print(f"[red]error[/] {escape(str(error))}")
        else:
            if diff:
                changes = PreviewedChanges(task.resource.destination, tuple(differences(find_root(), task, previews)))
                _print_changes(changes, as_json=as_json)
            elif as_json:
                print_lines(asdict(one) for one in previews)
            else:
                out.print(*preview_tables(previews), sep="\n")
    raise typer.Exit(int(failed))


def _print_changes(changes: PreviewedChanges, *, as_json: bool) -> None:
    if as_json:
        print_lines([asdict(changes)])
        return
    lines = changes.changes or (f"{changes.asset}: nothing would be created or changed",)
    out.print(*map(escape, lines), sep="\n", highlight=False, soft_wrap=True)


@app.command("test")
def try_sources(
    targets: Annotated[list[str], typer.Argument(metavar="SOURCE[.TABLE]", help="For instance github.")],
    as_json: AsJson = False,
) -> None:
    """Connect with the credentials that are set, and read one row of each resource; writes to no warehouse."""
    from data_foundation.local.preview import preview_resource
    from data_foundation.local.selection import select_tasks

    sources, broken = read_sources()
    failed = False
    for task in select_tasks(targets, sources, broken):
        asset = task.resource.destination
        try:
            rows = [row for found in preview_resource(task.source, task.resource, 1)[:1] for row in found.rows]
        except FoundationError as error:
            failed = True
            tested = TestedResource(asset, error=str(error))
        else:
            tested = TestedResource(asset, len(rows))
        if as_json:
            print_lines([asdict(tested)])
        elif tested.error:
            err.print(f"[red]failed[/] {escape(tested.error)}")
        else:
            out.print(f"ok {asset}: {'one row' if tested.rows else 'no rows'}", highlight=False)
    raise typer.Exit(int(failed))


@app.command()
def run(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Or job ids. Default: every source.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Start of a range: date, time, or value of the cursor.")] = None,
    end: Annotated[str | None, typer.Option(help="End of the range, which is not included.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Maximum rows per resource: a sample, which lands in <dataset>__sample.")
    ] = None,
    refresh: Annotated[
        Refresh, typer.Option(help="state: forget the cursor and load all again; drop: drop the table first.")
    ] = "none",
    dbt: Annotated[
        bool, typer.Option("--dbt", help="Build the dbt models that read what was loaded, and those that follow.")
    ] = False,
    select: Annotated[
        list[str] | None, typer.Option(help="With --dbt: the models that dbt selects instead, for instance +fct_sales.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record the loads in Dagster's history (DAGSTER_HOME).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load resources without Dagster; name what failed, and exit with 1."""
    from data_foundation.cli.run_command import load_and_build, print_report
    from data_foundation.cli.run_report import run_lines
    from data_foundation.dbt.command import find_project
    from data_foundation.local.selection import select_tasks
    from data_foundation.process_wide.abandoned_threads import end_process
    from data_foundation.warehouses.settings import build_warehouse, traceparent

    if dbt and limit is not None:
        raise typer.BadParameter("no model reads a sample: leave out --limit or --dbt", param_hint="--dbt")
    if select and not dbt:
        raise typer.BadParameter("it selects dbt models: add --dbt", param_hint="--select")
    root = find_root()
    warehouse = build_warehouse(root)
    if dbt and warehouse.runs_dbt:
        find_project(root)  # raises before any load begins
    warehouse.destination()  # raises SettingMissing before any load begins
    sources, broken = read_sources()
    options = LoadOptions(start, end, None, limit, refresh, run_id=new_run_id(), traceparent=traceparent())
    tasks = select_tasks(targets or [], sources, broken, options)
    outcomes, models, stopped = load_and_build(root, tasks, warehouse, sources, (select or []) if dbt else None)
    if record:
        # The only command that imports Dagster, which takes seconds.
        from data_foundation.orchestration.runless.events import record as record_events

        record_events(root, warehouse, outcomes, models)
    if as_json:
        print_lines(map(asdict, run_lines(outcomes, models)))
    else:
        print_report(warehouse, outcomes, models, broken if not targets else [])
    reported = [outcome for outcome in outcomes if is_reported(outcome, named=bool(targets))]
    if not stopped:
        send_run_alerts(root, reported, models, sources, broken if not targets else [], warehouse)
    failed = any(o.error for o in reported) or any(o.result and o.result.is_blocked for o in outcomes)
    unbuilt = any(not model.succeeded for model in models)
    end_process(stopped or int(failed or unbuilt or bool(broken and not targets)))
