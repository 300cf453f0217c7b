"""The command line `foundation`: one function for each command."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from data_foundation.cli.alerts import app as alerts_app
from data_foundation.cli.alerts import is_reported, send_run_alerts
from data_foundation.cli.consoles import counted, err, out, print_problems
from data_foundation.cli.dbt import dbt_manifest, dbt_sources
from data_foundation.cli.targets import asset_of, read_sources, refuse_unknown, tasks_of
from data_foundation.cli.version import Version
from data_foundation.cli.workbook import app as workbook_app
from data_foundation.config.several.discovered import find_changed_code
from data_foundation.errors import FoundationError
from data_foundation.loading.task import LoadOptions, Refresh, new_run_id
from data_foundation.process_wide.masked_output import redacted_output
from data_foundation.project.entry_text.missing_packages import find_missing_packages
from data_foundation.project.root import find_root

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(workbook_app, name="workbook")
app.add_typer(alerts_app, name="alerts")
app.command("dbt-sources")(dbt_sources)
app.command("dbt-manifest")(dbt_manifest)


def main() -> None:
    """Runs the command line; prints a FoundationError as a message, without a traceback.

    As for Dagster, packages in the repository can be imported.
    """
    with suppress(FoundationError):
        sys.path.insert(0, str(find_root()))
    try:
        with redacted_output():
            app()
    except FoundationError as error:
        err.print(f"[red]error[/] {escape(str(error))}")
        sys.exit(1)


@app.callback()
def describe(*, _version: Version = False) -> None:
    """Load the sources of this project, and look at what was loaded."""


@app.command()
def check() -> None:
    """Check the configuration of every source; list all errors, and exit with 1 if there are any."""
    sources, broken = read_sources()
    for source in broken:
        print_problems(source.problems)
    problems = sum(len(source.problems) for source in broken)
    resources = sum(len(source.config.resources) for source in sources)
    if broken:
        total = len(sources) + len(broken)
        err.print(f"[red]{counted(problems, 'problem')} in {len(broken)} of {counted(total, 'source')}[/]")
        raise typer.Exit(1)
    for found in sources:
        if changes := find_changed_code(found.config.folder):
            again = f"`foundation discover {found.config.name}` reads its resources again"
            _warn(f"{found.config.name}: {changes} since discovery; {again}")
        for package, place in find_missing_packages(found.config.folder).items():
            _warn(f"{place} imports {package}, which is not installed; until it is, what needs it cannot be loaded")
    verb = "is" if len(sources) == 1 else "are"
    out.print(f"{counted(len(sources), 'source')} with {counted(resources, 'resource')} {verb} valid", highlight=False)


def _warn(message: str) -> None:
    err.print(f"[yellow]warning[/] {escape(message)}")


@app.command("list")
def list_assets() -> None:
    """List every asset with its schedule, and the settings that are missing."""
    from data_foundation.cli.run_report import assets_table
    from data_foundation.warehouses.settings import read_settings

    root = find_root()
    environment = read_settings(root)
    sources, broken = read_sources()
    out.print(assets_table(sources, environment))
    for source in broken:
        print_problems(source.problems)


@app.command()
def discover(
    sources: Annotated[list[str] | None, typer.Argument(help="Default: every source that needs it.")] = None,
) -> None:
    """Find the resources of dlt sources and the tables of databases, and write them to discovered.yaml."""
    from data_foundation.project.discovery.discover import discover as find_tables
    from data_foundation.warehouses.settings import read_settings

    read_settings(root := find_root())
    for discovered in find_tables(root, sources or []):
        out.print(str(discovered), highlight=False, markup=False)


@app.command()
def adopt(
    targets: Annotated[
        list[str], typer.Argument(metavar="SOURCE[.TABLE]", help="Whose tables exist, filled by another program.")
    ],
    pipeline: Annotated[
        str | None, typer.Option(help="The pipeline of dlt that has loaded them: its cursors and hints are taken over.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Its dataset. Default: that of each destination.")] = None,
    cursor: Annotated[
        str | None, typer.Option(help="Without a pipeline: the column whose newest value the next run begins at.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken over; write nothing.")] = False,
) -> None:
    """Take over tables that a dlt pipeline, another tool or a person has filled; no row is changed."""
    from data_foundation.cli.adoption import adopt_all
    from data_foundation.loading.adoption.adopt import Request
    from data_foundation.local.selection import select_tasks
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(find_root())
    sources, broken = read_sources()
    tasks = select_tasks(targets, sources, broken, LoadOptions(run_id=new_run_id()))
    raise typer.Exit(int(not adopt_all(tasks, warehouse, Request(pipeline, dataset, cursor, dry_run))))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new folder in dlthub/.")],
    kind: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="KIND",
            help="python: a generator. rest, sql, files: a reader that ships, without code. dlt:NAME: a source of the "
            "dlt package (rest_api, sql_database, filesystem), or a verified source, which is downloaded. dlt:FOLDER: "
            "the code of a dlt source on this machine.",
        ),
    ] = "python",
    location: Annotated[
        str | None, typer.Option(help="With dlt:NAME: another repository of verified sources, an address or a folder.")
    ] = None,
) -> None:
    """Create a source: its folder, and a test that passes."""
    from data_foundation.project.scaffold.create import create_source

    root = find_root()
    created = create_source(root, name, kind, location)
    for file in created.files:
        out.print(f"wrote {file.relative_to(root)}", highlight=False, markup=False)
    for word, step in zip(("next", *("then",) * len(created.steps)), created.steps, strict=False):
        out.print(f"{word}: {step}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def preview(
    target: Annotated[
        str, typer.Argument(metavar="SOURCE[.TABLE]", help="For instance github or github.github_commits.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="Rows per resource.")] = 20,
) -> None:
    """Show the schema and some rows of a resource; writes to no warehouse."""
    from data_foundation.cli.run_report import preview_tables
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
            out.print(*preview_tables(previews), sep="\n")
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
) -> None:
    """Load resources without Dagster; name what failed, and exit with 1."""
    from data_foundation.cli.run_command import build_dbt_models, load, print_report
    from data_foundation.local.selection import select_tasks
    from data_foundation.process_wide.abandoned_threads import end_process
    from data_foundation.warehouses.settings import build_warehouse

    if dbt and limit is not None:
        raise typer.BadParameter("no model reads a sample: leave out --limit or --dbt", param_hint="--dbt")
    if select and not dbt:
        raise typer.BadParameter("it selects dbt models: add --dbt", param_hint="--select")
    root = find_root()
    warehouse = build_warehouse(root)
    warehouse.destination()  # raises SettingMissing before any load begins
    sources, broken = read_sources()
    tasks = select_tasks(
        targets or [], sources, broken, LoadOptions(start, end, None, limit, refresh, run_id=new_run_id())
    )
    outcomes, stopped = load(root, tasks, warehouse)
    models = build_dbt_models(root, warehouse, outcomes, sources, select or []) if dbt and not stopped else []
    if record:
        # The only command that imports Dagster, which takes seconds.
        from data_foundation.orchestration.runless.events import record as record_events

        record_events(root, warehouse, outcomes, models)
    print_report(warehouse, outcomes, models, broken if not targets else [])
    reported = [outcome for outcome in outcomes if is_reported(outcome, named=bool(targets))]
    if not stopped:
        send_run_alerts(root, reported, models, sources, broken if not targets else [], warehouse)
    failed = any(o.error for o in reported) or any(o.result and o.result.is_blocked for o in outcomes)
    unbuilt = any(not model.succeeded for model in models)
    end_process(stopped or int(failed or unbuilt or bool(broken and not targets)))


@app.command()
def audit(
    target: Annotated[str | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Default: every source.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Maximum number of attempts, the newest.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed and killed attempts.")] = False,
    jobs: Annotated[bool, typer.Option("--jobs", help="Every job: its last run, and its cursor now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Show the attempts to load, failed ones too, the newest last; or the state of every job."""
    from data_foundation.audit.read import read_newest, read_trail
    from data_foundation.cli.audit_report import print_attempts, print_origin, print_statuses
    from data_foundation.cli.resource_status import ResourceStatus, find_statuses
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(find_root())
    trail = read_newest(warehouse) if jobs else read_trail(warehouse, asset_of(target), last=last, failed=failed)
    # A table that is no longer configured has attempts, which may all have succeeded.
    is_known = trail.attempts or (failed and read_trail(warehouse, asset_of(target), last=1).attempts)
    if target and (jobs or not is_known):
        refuse_unknown(target)
    print_origin(err, trail, is_kept=warehouse.keeps_audit)
    statuses: list[ResourceStatus] = find_statuses(tasks_of(target), trail.attempts) if jobs else []
    if as_json:
        for line in statuses if jobs else trail.attempts:
            typer.echo(line.to_json())
    elif jobs:
        print_statuses(out, statuses)
    elif trail.attempts:
        print_attempts(out, trail.attempts)
    else:
        table = f" for {target}; `foundation list` shows all tables" if target else ""
        out.print(f"no {'failed ' if failed else ''}attempt is recorded{escape(table)}", highlight=False)


@app.command(hidden=True)
def docs() -> None:
    """Write the generated reference: the JSON Schemas in dlthub/, and the tables in docs/reference/."""
    from data_foundation.cli.reference_docs import PAGES, write_reference

    for file in write_reference(root := find_root(), app):
        out.print(f"wrote {file.relative_to(root)}", highlight=False)
    if not (root / PAGES).is_dir():
        out.print(f"no pages were written: {PAGES}/ exists in the repository of data-foundation only", highlight=False)


if __name__ == "__main__":
    main()
