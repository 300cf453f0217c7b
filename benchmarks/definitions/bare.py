"""The floor: specs made of constants in a loop; nothing is read or checked, and nothing could be loaded."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.definitions.phases import measure_definitions
from benchmarks.definitions.tree import CRON, DESCRIPTION, OWNER, SOURCE_DESCRIPTION, TAGS, source_names, tables


def measure(_folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures the loop."""
    return measure_definitions(lambda: dg.Definitions(assets=list(_assets(size))))


def _assets(size: int) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    condition = dg.AutomationCondition.on_cron(CRON)
    for source in source_names(size):
        upstream = dg.AssetSpec(
            ["source", source], description=SOURCE_DESCRIPTION, group_name=source, kinds={"source"}, owners=[OWNER]
        )
        yield upstream
        specs = [
            dg.AssetSpec(
                ["raw", table],
                deps=[upstream.key],
                description=DESCRIPTION,
                group_name=source,
                kinds={"dlt", "duckdb"},
                owners=[OWNER],
                tags=TAGS,
                automation_condition=condition,
            )
            for table in tables(source)
        ]

        @dg.multi_asset(name=source, specs=specs, can_subset=True, pool=source)
        def ingest(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
            yield from (dg.MaterializeResult(asset_key=key) for key in context.selected_asset_keys)

        yield ingest
