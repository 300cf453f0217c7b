"""Speed of loading flat rows into each engine, beside dlt's own destination for it."""

from __future__ import annotations

from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.trees import prepare_rows

SIDES = (
    "postgres", "dlt_postgres", "dlt_postgres_csv", "dlt_postgres_parquet",
    "ducklake", "dlt_ducklake",
    "iceberg", "dlt_iceberg",
    "mariadb", "dlt_mariadb", "dlt_mariadb_parquet",
    "sqlite", "dlt_sqlite", "dlt_sqlite_parquet",
)  # fmt: skip

ENGINES = Benchmark(
    number=15,
    name="engines",
    question="How long do the flat rows of 1 take into each engine, beside plain dlt to the same destination?",
    sides=SIDES,
    size=1_000_000,
    small=2_000,
    unit="rows",
    prepare=prepare_rows("benchmarks.flat.rows"),
    variants=("ducklake", "iceberg", "mariadb", "sqlite"),
    goals=tuple(times(peer, ours=peer.split("_")[1], least=3) for peer in SIDES if peer.startswith("dlt_")),
    shares=dict.fromkeys(
        ("dlt_postgres", "dlt_mariadb", "dlt_mariadb_parquet", "dlt_sqlite", "dlt_sqlite_parquet"), 10
    ),
)
