"""Speed of loading nested dicts into a table and its child tables."""

from __future__ import annotations

from benchmarks.environments import MELTANO
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import prepare_rows

NESTED = Benchmark(
    number=2,
    name="nested",
    question="How long do nested dict rows (objects two deep, two lists) take into DuckDB, through Dagster?",
    sides=("ours", "floor", "dlt_parquet", "dlt_default", "dagster_dlt", "meltano"),
    size=200_000,
    small=1_000,
    unit="rows",
    prepare=prepare_rows("benchmarks.nested.rows"),
    goals=(times("dlt_parquet", least=5),),
    shares={"dlt_default": 10, "dagster_dlt": 10, "meltano": 10},
    guests={"meltano": MELTANO},
)
