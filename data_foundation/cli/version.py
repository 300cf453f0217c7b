"""The option `--version`."""

from __future__ import annotations

from typing import Annotated

import typer

from data_foundation.cli.consoles import out


def _print_version(is_given: bool) -> None:
    """Prints the versions that a report of a fault needs, and ends."""
    if is_given:
        from importlib.metadata import version

        names = ("data-foundation", "dlt", "dagster", "dbt-core", "duckdb")
        out.print(", ".join(f"{name} {version(name)}" for name in names), highlight=False)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the versions, and exit.")
]
