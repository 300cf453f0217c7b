"""The commands about `dbt_project/`."""

from __future__ import annotations

from typing import Annotated

import typer

from data_foundation.cli.consoles import out
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command()
def dbt(
    arguments: Annotated[list[str], typer.Argument(metavar="ARGS", help="What dbt is called with, after --.")],
) -> None:
    """Run dbt with the settings of this deployment: foundation dbt -- build --select fct_sales."""
    from data_foundation.dbt.command import run_by_hand
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    raise typer.Exit(run_by_hand(root, build_warehouse(root), arguments))


@app.command("dbt-sources")
def dbt_sources() -> None:
    """Write dbt's sources.yml from the loaded tables, columns included."""
    from data_foundation.dbt.command import find_project
    from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, build_dbt_sources
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    file = find_project(root) / DBT_SOURCES_FILE.relative_to("dbt_project")
    text = build_dbt_sources(root, build_warehouse(root))
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    out.print(f"wrote {DBT_SOURCES_FILE}", highlight=False)


@app.command("dbt-manifest")
def dbt_manifest() -> None:
    """Parse the dbt project unless it is unchanged: an image with its manifest need not parse it at each start."""
    from data_foundation.orchestration.dbt_models.manifest import prepare_manifest
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(root := find_root())
    if warehouse.runs_dbt:
        out.print(f"the manifest is {prepare_manifest(root, warehouse)}", highlight=False, soft_wrap=True)
    else:
        out.print("dbt cannot run in a lake: there is no manifest", highlight=False)
