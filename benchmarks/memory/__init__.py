"""Memory of a load, and its growth with the size of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import flat, sql
from benchmarks.environments import CONNECTORX, INGESTR
from benchmarks.goals import memory_above_imports, memory_growth
from benchmarks.measure import Benchmark

SIDES = ("flat_ours", "flat_dlt_parquet", "sql_ours", "sql_dlt_connectorx", "sql_ingestr_parquet")


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Prepares the two benchmarks of these sides, each in its own folder."""
    for name in ("flat", "sql"):
        (folder / name).mkdir()
    with flat.FLAT.prepare(folder / "flat", size) as first, sql.prepare(folder / "sql", size) as second:
        yield {**first, **second}


MEMORY = Benchmark(
    number=5,
    name="memory",
    question="How much memory do the loads of 1 (flat) and 4 (sql) take, and does it grow with the table?",
    sides=SIDES,
    size=1_000_000,
    small=1_000,
    unit="rows",
    prepare=prepare,
    variants=("sql_ours",),
    growth_goals=tuple(
        goal
        for side in ("flat_ours", "sql_ours")
        for goal in (memory_above_imports(side, most=400), memory_growth(side, most=1.1))
    ),
    guests={"sql_dlt_connectorx": CONNECTORX, "sql_ingestr_parquet": INGESTR},
    scales=(1, 5),
    scaled=SIDES,
)
