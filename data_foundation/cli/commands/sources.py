"""The commands about the folders in `dlthub/`: check, list, discover, adopt, copy and new."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import counted, err, out, print_problems
from data_foundation.cli.json_lines import AsJson, WriteLine, print_lines, print_note, print_written
from data_foundation.cli.targets import read_sources
from data_foundation.config.several.discovered import find_changed_code
from data_foundation.loading.task import LoadOptions, new_run_id
from data_foundation.project.entry_text.missing_packages import find_missing_packages
from data_foundation.project.root import find_root

if TYPE_CHECKING:
    from data_foundation.project.source import SourceConfig

app = typer.Typer()


@app.command()
def new(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new folder in dlthub/.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="KIND",
            help="python: a generator. rest, sql, files: a reader that ships, without code. dlt:NAME: a source of the "
            "dlt package (rest_api, sql_database, filesystem), or a verified source, which is downloaded. dlt:FOLDER: "
            "the code of a dlt source on this machine. Default: a terminal asks, otherwise python.",
        ),
    ] = None,
    rest: Annotated[bool, typer.Option("--rest", help="Short for --from rest.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Short for --from sql.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Short for --from files.")] = False,
    python: Annotated[bool, typer.Option("--python", help="Short for --from python.")] = False,
    location: Annotated[
        str | None, typer.Option(help="With dlt:NAME: another repository of verified sources, an address or a folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a source: its folder, and a test that passes."""
    from data_foundation.project.scaffold.create import create_source

    root = find_root()
    flags = {"rest": rest, "sql": sql, "files": files, "python": python}
    created = create_source(
        root, name, _choose_kind(kind, [word for word, is_set in flags.items() if is_set], asks=not as_json), location
    )
    for file in created.files:
        print_written(WriteLine("file", str(file.relative_to(root)), "wrote"), as_json=as_json)
    for word, step in zip(("next", *("then",) * len(created.steps)), created.steps, strict=False):
        print_note(f"{word}: {step}")


def _choose_kind(kind: str | None, flags: list[str], *, asks: bool) -> str:
    """Returns the kind of a new source: the one that an option names, or that a person at a terminal answers with."""
    named = [*([kind] if kind else []), *flags]
    if len(named) > 1:
        raise typer.BadParameter(f"got {' and '.join(named)}; a source has one kind", param_hint="--from")
    if named:
        return named[0]
    from data_foundation.project.scaffold.kinds import KINDS, PYTHON

    if not asks or not sys.stdin.isatty():
        return PYTHON
    return str(typer.prompt(f"Where does the data come from? ({', '.join(KINDS)})", default=PYTHON))


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check the configuration of every source; list all errors, and exit with 1 if there are any."""
    sources, broken = read_sources()
    if as_json:
        print_lines(asdict(problem) for source in broken for problem in source.problems)
        raise typer.Exit(int(bool(broken)))
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
    _check_warehouse([found.config for found in sources])
    verb = "is" if len(sources) == 1 else "are"
    out.print(f"{counted(len(sources), 'source')} with {counted(resources, 'resource')} {verb} valid", highlight=False)


def _check_warehouse(sources: Sequence[SourceConfig]) -> None:
    """Prints what the warehouse does not keep; exits with 1 if it cannot load a resource."""
    from data_foundation.inspection.warehouse_support import find_support

    support = find_support(find_root(), sources)
    for sentence in support.broken:
        out.print(f"warehouse: {sentence}", highlight=False, markup=False)
    for message in support.refused:
        err.print(f"[red]{escape(message)}[/]")
    if support.refused:
        raise typer.Exit(1)


def _warn(message: str) -> None:
    err.print(f"[yellow]warning[/] {escape(message)}")


@app.command("list")
def list_assets(as_json: AsJson = False) -> None:
    """List every asset with its schedule, and the settings that are missing."""
    from data_foundation.cli.run_report import asset_lines, assets_table
    from data_foundation.warehouses.settings import read_settings

    root = find_root()
    environment = read_settings(root)
    sources, broken = read_sources()
    if as_json:
        print_lines(map(asdict, asset_lines(sources, environment)))
    else:
        out.print(assets_table(sources, environment))
    for source in broken:
        print_problems(source.problems)


@app.command()
def discover(
    sources: Annotated[list[str] | None, typer.Argument(help="Default: every source that needs it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the resources of dlt sources and the tables of databases, and write them to discovered.yaml."""
    from data_foundation.project.discovery.discover import discover as find_tables
    from data_foundation.warehouses.settings import read_settings

    read_settings(root := find_root())
    for discovered in find_tables(root, sources or []):
        names = {"new": discovered.new, "gone": discovered.gone, "changed": discovered.changed}
        found = {"destination": discovered.destination, "tables": discovered.tables, **names}
        line = WriteLine("source", discovered.source, "discovered", written=any(names.values()), metadata=found)
        print_written(line, str(discovered), as_json=as_json)


@app.command()
def adopt(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
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
    as_json: AsJson = False,
) -> None:
    """Take over tables that a dlt pipeline, another tool or a person has filled; no row is changed."""
    from data_foundation.cli.adoption import adopt_all
    from data_foundation.loading.adoption.adopt import Request
    from data_foundation.local.selection import select_tasks
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(find_root())
    sources, broken = read_sources()
    tasks = select_tasks(targets, sources, broken, LoadOptions(run_id=new_run_id()))
    raise typer.Exit(int(not adopt_all(tasks, warehouse, Request(pipeline, dataset, cursor, dry_run), as_json=as_json)))


@app.command("copy")
def copy_tables(
    targets: Annotated[list[str], typer.Argument(metavar="SOURCE[.TABLE]", help="Whose tables are copied.")],
    to: Annotated[str, typer.Option(help="The warehouse that gets them, as in WAREHOUSE: snowflake, for instance.")],
    as_json: AsJson = False,
) -> None:
    """Copy tables to another warehouse: rows, cursors, audit trail; compared row by row, nothing is removed."""
    from data_foundation.cli.adoption import copy_all
    from data_foundation.local.selection import select_tasks
    from data_foundation.warehouses.settings import build_warehouse

    warehouse, target = build_warehouse(root := find_root()), build_warehouse(root, to)
    sources, broken = read_sources()
    tasks = select_tasks(targets, sources, broken, LoadOptions(run_id=new_run_id()))
    copy_all(tasks, warehouse, target, as_json=as_json)
