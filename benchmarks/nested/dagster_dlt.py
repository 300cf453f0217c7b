"""dagster-dlt: `@dlt_assets` over the same source, materialised, as in its documentation."""

# No postponed annotations: Dagster evaluates the annotations of an asset.
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
from dagster_dlt import DagsterDltResource, dlt_assets

from benchmarks.nested.outcome import AS_TABLES, read_outcome, whole
from benchmarks.nested.rows import get_pages


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset, from its definition to its materialisation."""
    database = folder / "dlt.duckdb"

    @dlt.source(name="shop")
    def get_source() -> Any:
        return dlt.resource(get_pages(size), name="rows")

    @dlt_assets(
        dlt_source=get_source(),
        dlt_pipeline=dlt.pipeline("shop", destination=dlt.destinations.duckdb(str(database)), dataset_name="raw"),
    )
    def shop(context: dg.AssetExecutionContext, dlt_resource: DagsterDltResource) -> Iterator[Any]:
        yield from dlt_resource.run(context=context)

    dg.materialize([shop], resources={"dlt_resource": DagsterDltResource()})
    yield "load"
    return read_outcome(database, size, whole(AS_TABLES))
