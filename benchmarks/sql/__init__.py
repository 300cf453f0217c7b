"""Speed of copying a table of another database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environments import CONNECTORX, INGESTR, SLING
from benchmarks.goals import times
from benchmarks.measure import Benchmark
from benchmarks.sql.table import CREATE, DSN
from benchmarks.trees import write_source

YAML = """
resources:
  - entry: data_foundation.readers.sql.get_table
    kwargs: {connection: server, schema: shop, table: orders}
    destination: raw.orders
    write_disposition: replace
"""
USER = "bench"
"""Password of the same user; Sling accepts no punctuation in it."""


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the source folder of our side, and runs a PostgreSQL server with the table."""
    # Guests import this module, but do not have the packages of the server.
    from tests.support.postgres_server import run_server  # noqa: PLC0415

    write_source(folder, "shop", YAML)
    with run_server() as server:
        server.query(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{USER}'")
        server.query("CREATE SCHEMA shop")
        server.query(CREATE.format(size=size))
        server.query("ALTER TABLE shop.orders ADD PRIMARY KEY (id)")
        server.query("VACUUM ANALYZE shop.orders")
        yield {DSN: f"postgresql://{USER}:{USER}@127.0.0.1:{server.port}/postgres"}


SQL = Benchmark(
    number=4,
    name="sql",
    question="How long does a PostgreSQL table of ten columns take to DuckDB and to parquet?",
    sides=(
        "ours", "copy_binary", "dlt_connectorx", "dlt_pyarrow", "dlt_sqlalchemy", "sling",
        "ours_parquet", "dlt_connectorx_parquet", "ingestr_parquet", "sling_parquet",
    ),
    size=1_000_000,
    small=2_000,
    unit="rows",
    prepare=prepare,
    variants=("ours_parquet",),
    goals=(
        times("dlt_connectorx", least=1.2),
        times("sling", least=2),
        times("dlt_connectorx_parquet", ours="ours_parquet", least=1.2),
        times("ingestr_parquet", ours="ours_parquet", least=1),
        times("sling_parquet", ours="ours_parquet", least=2),
    ),
    shares={"dlt_sqlalchemy": 10},
    guests={
        "dlt_connectorx": CONNECTORX, "dlt_connectorx_parquet": CONNECTORX, "ingestr_parquet": INGESTR,
        "sling": SLING, "sling_parquet": SLING,
    },
)  # fmt: skip
