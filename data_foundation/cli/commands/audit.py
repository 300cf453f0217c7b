"""The command about what was loaded: audit."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import err, out
from data_foundation.cli.json_lines import AsJson, print_line
from data_foundation.cli.targets import asset_of, refuse_unknown, tasks_of
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command()
def audit(
    target: Annotated[str | None, typer.Argument(metavar="SOURCE[.TABLE]", help="Default: every source.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Maximum number of attempts, the newest.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed and killed attempts.")] = False,
    jobs: Annotated[bool, typer.Option("--jobs", help="Every job: its last run, and its cursor now.")] = False,
    as_json: AsJson = False,
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
            print_line(line.to_json())
    elif jobs:
        print_statuses(out, statuses)
    elif trail.attempts:
        print_attempts(out, trail.attempts)
    else:
        table = f" for {target}; `foundation list` shows all tables" if target else ""
        out.print(f"no {'failed ' if failed else ''}attempt is recorded{escape(table)}", highlight=False)
