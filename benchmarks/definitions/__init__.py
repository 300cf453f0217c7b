"""How long it takes until Dagster knows a large tree: paid at every start, and by every step of a multiprocess run."""

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
