"""Cost of a load in addition to requesting and decoding JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.goals import at_most_times
from benchmarks.http.pages import URL, count_pages
from benchmarks.measure import Benchmark
from benchmarks.serving import serve
from benchmarks.trees import write_source

DATA = '''
"""Rows of an API, as dicts or as it sends them."""

from collections.abc import Iterator
from typing import Any

import dlt
import orjson
import requests


def get_rows(pages: int, url: str = dlt.config.value) -> Iterator[list[dict[str, Any]]]:
    """Pages of dicts."""
    for content in get_bytes(pages, url):
        yield orjson.loads(content)


def get_bytes(pages: int, url: str = dlt.config.value) -> Iterator[bytes]:
    """Pages as they came, each a JSON array."""
    with requests.Session() as session:
        for page in range(pages):
            response = session.get(url, params={"page": page}, timeout=30)
            response.raise_for_status()
            yield response.content
'''
YAML = """
resources:
  - entry: data.{entry}
    kwargs: {{pages: {pages}}}
    destination: raw.rows
"""


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the trees of our two sides, and serves the pages."""
    for entry in ("get_rows", "get_bytes"):
        write_source(folder / entry, "api", YAML.format(entry=entry, pages=count_pages(size)), DATA)
    with serve("benchmarks.http.server", str(size)) as url:
        yield {URL: f"{url}/rows"}


HTTP = Benchmark(
    number=3,
    name="http",
    question="How long does JSON take from a server into DuckDB, and how long fetching and decoding it alone?",
    sides=("ours", "ours_bytes", "fetch", "rest_api_parquet", "rest_api"),
    size=1_000_000,
    small=20_000,
    unit="rows",
    prepare=prepare,
    variants=("ours_bytes",),
    goals=(at_most_times("fetch", most=2.0), at_most_times("fetch", ours="ours_bytes", most=1.2)),
    shares={"rest_api": 10},
)
