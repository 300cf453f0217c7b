"""The tree with dagster-dlt, one `@dlt_assets` for each source, as in its documentation.

To its advantage, one loop defines all functions and settings; a real project has them in a thousand files.
"""

import importlib
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData
from dlt.extract import DltResource
from typing_extensions import override

from benchmarks.definitions.phases import measure_definitions
from benchmarks.definitions.tree import (
    COLUMNS,
    CRON,
    DESCRIPTION,
    OWNER,
    SOURCE_DESCRIPTION,
    TAGS,
    source_names,
    tables,
)


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the loop."""
    return measure_definitions(
        lambda: dg.Definitions(assets=list(_assets(folder, size)), resources={"dlt_resource": DagsterDltResource()})
    )


class Translator(DagsterDltTranslator):
    """Gives the assets the same keys, descriptions, groups, owners, tags and schedule as our side."""

    condition = dg.AutomationCondition.on_cron(CRON)

    @override
    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        """Returns the default spec with these values replaced."""
        source = data.resource.source_name
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(
                key=["raw", data.resource.name],
                deps=[["source", source]],
                description=DESCRIPTION,
                group_name=source,
                owners=[OWNER],
                tags=TAGS,
                kinds={"dlt", "duckdb"},
                automation_condition=self.condition,
            )
        )


def _assets(folder: Path, size: int) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    translator = Translator()
    sys.path.insert(0, str(folder / "dlthub"))
    for name in source_names(size):
        yield dg.AssetSpec(
            ["source", name], description=SOURCE_DESCRIPTION, group_name=name, kinds={"source"}, owners=[OWNER]
        )
        get_rows = importlib.import_module(f"{name}.data").get_rows
        source = dlt.source(_resources, name=name, section=name)

        @dlt_assets(
            name=name,
            dlt_source=source(name, get_rows),
            dlt_pipeline=dlt.pipeline(pipeline_name=name, dataset_name="raw", destination="duckdb"),
            dagster_dlt_translator=translator,
            pool=name,
        )
        def ingest(context: dg.AssetExecutionContext, dlt_resource: DagsterDltResource) -> Iterator[Any]:
            yield from dlt_resource.run(context=context)

        yield ingest


def _resources(name: str, get_rows: Callable[[str], Iterator[Any]]) -> Iterator[DltResource]:
    rows = dlt.resource(get_rows, write_disposition="merge", primary_key="id", columns=COLUMNS)
    for table, endpoint in tables(name).items():
        yield rows.with_name(table)(endpoint)
