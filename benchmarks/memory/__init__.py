"""How much memory a load takes, and whether it grows with the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import flat, sql
from benchmarks.environments import CONNECTORX, INGESTR
from benchmarks.measure import Benchmark, Goal, Sample

SIDES = ("flat_ours", "flat_dlt_parquet", "sql_ours", "sql_dlt_connectorx", "sql_ingestr_parquet")


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Prepares both benchmarks whose sides these are, each in a folder of its own."""
    for name in ("flat", "sql"):
        (folder / name).mkdir()
    with flat.FLAT.prepare(folder / "flat", size) as first, sql.prepare(folder / "sql", size) as second:
        yield {**first, **second}


def _above_imports(found: Mapping[str, Sample], side: str) -> list[float]:
    """Returns by how many MiB the peak is above the imports, from the smallest size to the largest."""
    samples = sorted((sample for name, sample in found.items() if name.startswith(f"{side},")), key=lambda s: s.size)
    if not samples:
        raise KeyError(side)
    return [sample.memory() for sample in samples]


def _goals(side: str) -> tuple[Goal, Goal]:
    def most(found: Mapping[str, Sample]) -> float:
        return max(_above_imports(found, side))

    def growth(found: Mapping[str, Sample]) -> float:
        memory = _above_imports(found, side)
        return memory[-1] / memory[0]

    return (
        Goal(f"MiB above the imports, {side}", most, most=400),
        Goal(f"from the smallest to the largest size, {side}", growth, most=1.1),
    )


MEMORY = Benchmark(
    number=5,
    name="memory",
    question="How much memory do the loads of 1 (flat) and 4 (sql) take, and does it grow with the table?",
    sides=SIDES,
    size=1_000_000,
    small=1_000,
    unit="rows",
    prepare=prepare,
    goals=(*_goals("flat_ours"), *_goals("sql_ours")),
    guests={"sql_dlt_connectorx": CONNECTORX, "sql_ingestr_parquet": INGESTR},
    scales=(1, 5),
    scaled=SIDES,
)
