"""How long it takes until Dagster knows a large tree: paid at every start, and by every step of a multiprocess run."""

from benchmarks.definitions.tree import write_tree
from benchmarks.measure import Benchmark

DEFINITIONS = Benchmark(
    name="definitions",
    question="How long until Dagster has the definitions of a tree, and until it has their asset graph?",
    sides=("ours", "dlt_assets", "bare"),
    size=1000,
    unit="sources",
    prepare=write_tree,
    scales=(1, 2, 5),
)
