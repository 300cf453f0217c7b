"""Many small sources, as one folder each for our side and as one `@dlt_assets` each for dagster-dlt."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trees import write_source

RESOURCES = 5
KEY = "raw/{table}"

OURS = '''
"""The composition root, without dbt."""

from pathlib import Path

from data_foundation.orchestration.factory import build_definitions

defs = build_definitions(Path(__file__).parent)
'''

DAGSTER_DLT = '''
"""One pipeline a source. Each has a DuckDB file of its own where steps are processes: a file lets in but one."""

import importlib
import sys
from pathlib import Path

import dagster as dg
import dlt
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "dlthub"))


class Translator(DagsterDltTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key=["raw", data.resource.name])


def build_assets(name, tables):
    get_rows = importlib.import_module(f"{{name}}.data").get_rows

    @dlt.source(name=name, section=name)
    def get_source():
        return [dlt.resource(get_rows, name=table, write_disposition="replace")(table) for table in tables]

    @dlt_assets(
        name=name,
        dlt_source=get_source(),
        dlt_pipeline=dlt.pipeline(
            name, destination=dlt.destinations.duckdb(str(ROOT / {file!r}.format(name=name))), dataset_name="raw"
        ),
        dagster_dlt_translator=Translator(),
    )
    def ingest(context: dg.AssetExecutionContext, dlt_resource: DagsterDltResource):
        yield from dlt_resource.run(context=context)

    return ingest


SOURCES = {sources!r}
defs = dg.Definitions(
    assets=[build_assets(name, tables) for name, tables in SOURCES.items()],
    resources={{"dlt_resource": DagsterDltResource()}},
    executor=dg.{executor},
)
'''
RESOURCE = """
  - entry: data.get_rows
    args: [{table}]
    destination: raw.{table}
    write_disposition: replace
"""


def source_tables(sources: int) -> dict[str, list[str]]:
    """Returns the tables of each source."""
    names = [f"vendor_{number:02}" for number in range(sources)]
    return {name: [f"{name}_endpoint_{number}" for number in range(RESOURCES)] for name in names}


def all_tables(sources: int) -> list[str]:
    """Returns the tables of all sources."""
    return [table for tables in source_tables(sources).values() for table in tables]


def write_trees(folder: Path, sources: int, data: str) -> None:
    """Writes the same sources for every side: `ours`, `dagster_dlt`, and `dagster_dlt_in_process`."""
    peers = {
        "dagster_dlt": ("multi_or_in_process_executor", "{name}.duckdb"),
        "dagster_dlt_in_process": ("in_process_executor", "dlt.duckdb"),
    }
    tables_of = source_tables(sources)
    for side in ("ours", *peers):
        for name, tables in tables_of.items():
            yaml = "resources:" + "".join(RESOURCE.format(table=table) for table in tables)
            write_source(folder / side, name, yaml, data)
    (folder / "ours" / "definitions.py").write_text(OURS.lstrip(), encoding="utf-8")
    for side, (executor, file) in peers.items():
        text = DAGSTER_DLT.format(sources=tables_of, executor=executor, file=file)
        (folder / side / "definitions.py").write_text(text.lstrip(), encoding="utf-8")
