"""The commands about `dbt_project/`."""

from __future__ import annotations

from typing import Annotated

import typer

from data_foundation.cli.json_lines import AsJson, WriteLine, print_note, print_written
from data_foundation.cli.targets import read_sources, refuse_unknown
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command()
def dbt(
    arguments: Annotated[list[str], typer.Argument(metavar="ARGS", help="What dbt is called with, after --.")],
    as_json: AsJson = False,
) -> None:
    """Run dbt with the settings of this deployment: foundation dbt -- build --select fct_sales."""
    from data_foundation.dbt.command import run_by_hand
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    form = ["--log-format", "json"] if as_json else []
    raise typer.Exit(run_by_hand(root, build_warehouse(root), [*form, *arguments]))


@app.command("dbt-staging")
def dbt_staging(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder of dlthub/ whose tables are loaded.")],
    as_json: AsJson = False,
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
        print_written(WriteLine("file", str(file.relative_to(root)), "wrote"), as_json=as_json)
    for file in kept:
        print_written(WriteLine("file", str(file.relative_to(root)), "kept", written=False), as_json=as_json)
    print_note(f"next: foundation dbt-sources, then foundation run {source} --dbt")


@app.command("dbt-sources")
def dbt_sources(as_json: AsJson = False) -> None:
    """Write dbt's sources.yml from the loaded tables, columns included."""
    from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, build_dbt_sources
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    text = build_dbt_sources(root, build_warehouse(root))
    (root / DBT_SOURCES_FILE).parent.mkdir(parents=True, exist_ok=True)
    (root / DBT_SOURCES_FILE).write_text(text, encoding="utf-8")
    print_written(WriteLine("file", str(DBT_SOURCES_FILE), "wrote"), as_json=as_json)


@app.command("dbt-manifest")
def dbt_manifest(as_json: AsJson = False) -> None:
    """Parse the dbt project unless it is unchanged: an image with its manifest need not parse it at each start."""
    from data_foundation.orchestration.dbt_models.manifest import prepare_manifest
    from data_foundation.warehouses.settings import build_warehouse

    warehouse = build_warehouse(root := find_root()).models
    if warehouse.runs_dbt:
        manifest = str(prepare_manifest(root, warehouse))
        print_written(WriteLine("file", manifest, "parsed"), f"the manifest is {manifest}", as_json=as_json)
    else:
        print_note(f"dbt cannot run in {warehouse.kind}: there is no manifest")
