"""Speed of loading the dicts of a generator into a table."""

from __future__ import annotations

from benchmarks.environments import MELTANO
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import prepare_rows

FLAT = Benchmark(
    number=1,
    name="flat",
    question="How long do flat dict rows of ten columns take from a generator into DuckDB, through Dagster?",
    sides=("ours", "floor", "dlt_parquet", "dlt_default", "dagster_dlt", "meltano"),
    size=1_000_000,
    small=2_000,
    unit="rows",
    prepare=prepare_rows("benchmarks.flat.rows"),
    goals=(
        times("dlt_parquet", least=6),
        times("dlt_default", least=35),
        times("floor", least=0.7),
    ),
    shares={"dlt_default": 10, "dagster_dlt": 10, "meltano": 10},
    guests={"meltano": MELTANO},
)
