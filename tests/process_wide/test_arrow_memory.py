"""The memory pool of Arrow during a load."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from tests.support.trees import Tree

ONE_TABLE = """
resources:
  - entry: data.get_rows
    destination: raw.a
"""


@pytest.mark.parametrize(
    ("chosen", "found"), [(pa.mimalloc_memory_pool, "system"), (pa.jemalloc_memory_pool, "jemalloc")]
)
def test_a_load_replaces_only_arrows_default_memory_pool(
    chosen: Callable[[], pa.MemoryPool], found: str, tree: Tree
) -> None:
    """Arrow's default, mimalloc, is replaced by the system's allocator; a pool that the user chose is kept."""
    before = pa.default_memory_pool()
    try:
        pa.set_memory_pool(chosen())
        tree.add("shop", ONE_TABLE)
        tree.give("shop", [{"id": 1}])
        tree.load("shop.a")
        assert pa.default_memory_pool().backend_name == found
    finally:
        pa.set_memory_pool(before)
