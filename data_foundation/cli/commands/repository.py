"""The commands about a repository as a whole: init and upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_foundation.cli.consoles import out
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder. Default: the current one.")] = Path(),
) -> None:
    """Create a repository: folders for sources and dbt models, the code location, settings, tests, a Makefile."""
    from data_foundation.project.repository.create import create_repository

    created = create_repository(folder)
    for path in created.written:
        _print(f"wrote {folder / path}")
    for path in created.kept:
        _print(f"kept {folder / path}: it was there before, and was not changed")
    place = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    _print(f"next: {place}foundation new shop")
    _print("then: foundation run, and `make` lists what else there is")


@app.command()
def upgrade(
    apply: Annotated[bool, typer.Option("--apply", help="Write the changes. Default: show them.")] = False,
) -> None:
    """Show what this version of the package changes in the files that `foundation init` wrote, and apply it."""
    from data_foundation.project.repository.upgrade import GENERATED, plan_upgrade

    plan = plan_upgrade(find_root())
    for change in plan.changes:
        _print(f"{change.kind:<8} {change.path}{f' ({change.note})' if change.note else ''}")
        if change.kind != "kept" and change.note != GENERATED:
            _print(change.diff())
    versions = f"from {plan.old or 'an unknown version'} to {plan.new}"
    if plan.is_current:
        _print(f"the files are those of {plan.new}; nothing to do")
    elif not apply:
        _print(f"nothing was written; `foundation upgrade --apply` upgrades {versions}. Commit your own changes before")
    else:
        plan.apply()
        _print(f"upgraded {versions}; `git diff` shows it, `make check test` tries it")
    if conflicts := plan.conflicts if apply else []:
        _print(f"choose between the two sides of each conflict in {', '.join(conflicts)}")
        raise typer.Exit(1)


def _print(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)
