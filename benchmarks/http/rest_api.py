"""dlt's rest_api source with its defaults."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import ClientConfig

from benchmarks.flat.outcome import ROWS, read_outcome
from benchmarks.http.pages import URL, count_pages


def measure(folder: Path, size: int, **options: Any) -> Generator[str, None, Any]:
    """Measures the run; `options` are passed to `Pipeline.run`."""
    database = folder / "dlt.duckdb"
    base_url, _, path = os.environ[URL].rpartition("/")
    pages = PageNumberPaginator(base_page=0, total_path=None, maximum_page=count_pages(size))
    client: ClientConfig = {"base_url": base_url, "paginator": pages}
    source = rest_api_source({"client": client, "resources": [{"name": "rows", "endpoint": {"path": path}}]})
    pipeline = dlt.pipeline("api", destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
    pipeline.run(source, **options)
    yield "load"
    return read_outcome(database, size, ROWS)
