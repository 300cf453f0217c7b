"""The commands about a repository as a whole: init and upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_foundation.cli.json_lines import AsJson, WriteLine, print_note, print_written
from data_foundation.project.root import find_root

if TYPE_CHECKING:
    from data_foundation.project.repository.upgrade import Change

app = typer.Typer()

KEPT = "it was there before, and was not changed"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder. Default: the current one.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Create a repository: folders for sources and dbt models, the code location, settings, tests, a Makefile."""
    from data_foundation.project.repository.create import create_repository

    created = create_repository(folder)
    for path in created.written:
        print_written(WriteLine("file", str(folder / path), "wrote"), as_json=as_json)
    for path in created.kept:
        kept = WriteLine("file", str(folder / path), "kept", written=False, detail=KEPT)
        print_written(kept, f"kept {kept.name}: {KEPT}", as_json=as_json)
    place = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print_note(f"next: {place}foundation new shop")
    print_note("then: foundation run, and `make` lists what else there is")


@app.command()
def upgrade(
    apply: Annotated[bool, typer.Option("--apply", help="Write the changes. Default: show them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what this version of the package changes in the files that `foundation init` wrote, and apply it."""
    from data_foundation.project.repository.upgrade import plan_upgrade

    plan = plan_upgrade(find_root())
    if apply and not plan.is_current:
        plan.apply()
    for change in plan.changes:
        _print_change(change, apply=apply, as_json=as_json)
    versions = f"from {plan.old or 'an unknown version'} to {plan.new}"
    if plan.is_current:
        print_note(f"the files are those of {plan.new}; nothing to do")
    elif not apply:
        command = "`foundation upgrade --apply`"
        note = f"nothing was written; {command} upgrades {versions}. Commit your own changes before"
        print_note(note)
    else:
        print_note(f"upgraded {versions}; `git diff` shows it, `make check test` tries it")
    if conflicts := plan.conflicts if apply else []:
        print_note(f"choose between the two sides of each conflict in {', '.join(conflicts)}")
        raise typer.Exit(1)


def _print_change(change: Change, *, apply: bool, as_json: bool) -> None:
    """Prints what happens to one file, with the difference unless it is kept or generated."""
    from data_foundation.project.repository.upgrade import GENERATED

    difference = "" if change.kind == "kept" or change.note == GENERATED else change.diff()
    is_written = apply and change.kind != "kept"
    line = WriteLine("file", change.path, change.kind, written=is_written, detail=change.note or difference)
    note = f" ({change.note})" if change.note else ""
    print_written(line, f"{change.kind:<8} {change.path}{note}", as_json=as_json)
    if difference and not as_json:
        print_note(difference)
