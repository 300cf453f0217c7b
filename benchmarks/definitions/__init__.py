"""Time until Dagster has the definitions of a large tree: spent at every start, and by each step in its own process."""

from benchmarks.definitions.tree import prepare
from benchmarks.goals import times
from benchmarks.measure import Benchmark

DEFINITIONS = Benchmark(
    number=8,
    name="definitions",
    question="How long until Dagster has the definitions of a tree, and until it has their asset graph?",
    sides=("ours", "dlt_assets", "bare"),
    size=1000,
    small=2,
    unit="sources",
    prepare=prepare,
    goals=(times("dlt_assets", least=10, phase="definitions"),),
    scales=(1, 2, 5),
)
