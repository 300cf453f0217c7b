"""The command line `foundation`: puts the groups of commands together, and runs one."""

from __future__ import annotations

import sys
from contextlib import suppress

import typer
from rich.markup import escape

from data_foundation.cli.commands import (
    alerts,
    audit,
    data,
    dbt,
    lakes,
    loads,
    reference,
    repository,
    sources,
    workbook,
)
from data_foundation.cli.consoles import err
from data_foundation.cli.version import Version
from data_foundation.errors import FoundationError
from data_foundation.process_wide.masked_output import redacted_output
from data_foundation.project.root import find_root

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (repository, sources, loads, audit, data, dbt, reference):
    app.add_typer(group.app)
app.add_typer(workbook.app, name="workbook")
app.add_typer(alerts.app, name="alerts")
app.add_typer(lakes.app, name="lake")


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


if __name__ == "__main__":
    main()
