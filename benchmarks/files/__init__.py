"""Speed and memory of loading a CSV file into a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from benchmarks.flat.rows import COLUMNS, get_pages
from benchmarks.goals import at_most_times, memory_above_imports, memory_growth
from benchmarks.measure import Benchmark
from benchmarks.trees import write_source

FILE = "orders.csv"
AT_ONCE = 50
"""Number of pages written at once."""

DLT_TYPES = {"BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "bool", "TIMESTAMPTZ": "timestamp", "VARCHAR": "text"}
YAML = f"""
resources:
  - entry: data_foundation.readers.files.get_rows
    kwargs: {{path: {FILE}}}
    destination: raw.rows
    columns: {{{", ".join(f"{name}: {{data_type: {DLT_TYPES[kind]}}}" for name, kind in COLUMNS.items())}}}
"""


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes our source and the file: 111 bytes a row, times as ISO texts."""
    write_source(folder, "shop", YAML)
    pages = get_pages(size)
    writer: pc.CSVWriter | None = None
    while rows := list(chain.from_iterable(islice(pages, AT_ONCE))):
        table = pa.Table.from_pylist([{**row, "updated_at": row["updated_at"].isoformat()} for row in rows])
        writer = writer or pc.CSVWriter(folder / FILE, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    yield {}


FILES = Benchmark(
    number=10,
    name="files",
    question="How long does a CSV take into DuckDB, and how much memory?",
    sides=("ours", "read_csv", "dlt_filesystem"),
    size=1_000_000,
    small=2_000,
    unit="rows",
    prepare=prepare,
    goals=(at_most_times("read_csv", most=3.0),),
    growth_goals=(memory_above_imports("ours", most=400), memory_growth("ours", most=1.1)),
    scales=(1, 9),
)
