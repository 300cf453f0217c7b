"""The commands about `dbt_project/`."""

from __future__ import annotations

import typer

from data_foundation.cli.consoles import out
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command("dbt-sources")
def dbt_sources() -> None:
    """Write dbt's sources.yml from the loaded tables, columns included."""
    from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, build_dbt_sources
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    (root / DBT_SOURCES_FILE).write_text(build_dbt_sources(root, build_warehouse(root)), encoding="utf-8")
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
