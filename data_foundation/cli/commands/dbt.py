"""The commands about `dbt_project/`."""

from __future__ import annotations

from typing import Annotated

import typer

from data_foundation.cli.consoles import out
from data_foundation.cli.targets import read_sources, refuse_unknown
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


@app.command("dbt-staging")
def dbt_staging(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder of dlthub/ whose tables are loaded.")],
) -> None:
    """Write a staging model for each loaded table of a source, with tests; a model that is there is not changed."""
    from data_foundation.dbt.command import find_project
    from data_foundation.dbt.staging import build_staging, write_staging
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    project = find_project(root)
    sources, _ = read_sources()
    refuse_unknown(source)
    found = next((one for one in sources if one.config.name == source), None)
    if found is None:
        raise typer.BadParameter(f"'{source}' is no source without errors; `foundation check` lists all")
    written, kept = write_staging(project, source, build_staging(found, build_warehouse(root)))
    for file in written:
        out.print(f"wrote {file.relative_to(root)}", highlight=False)
    for file in kept:
        out.print(f"kept {file.relative_to(root)}", highlight=False)
    out.print(f"next: foundation dbt-sources, then foundation run {source} --dbt", highlight=False)


@app.command("dbt-sources")
def dbt_sources() -> None:
    """Write dbt's sources.yml from the loaded tables, columns included."""
    from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, build_dbt_sources
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    text = build_dbt_sources(root, build_warehouse(root))
    (root / DBT_SOURCES_FILE).parent.mkdir(parents=True, exist_ok=True)
    (root / DBT_SOURCES_FILE).write_text(text, encoding="utf-8")
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
