"""Whose allocator Arrow takes its memory from."""

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
def test_a_load_leaves_the_allocator_that_arrow_has_chosen_and_no_other(
    chosen: Callable[[], pa.MemoryPool], found: str, tree: Tree
) -> None:
    """Arrow's own choice takes more time and more memory; whoever names another one knows why."""
    before = pa.default_memory_pool()
    try:
        pa.set_memory_pool(chosen())
        tree.add("shop", ONE_TABLE)
        tree.give("shop", [{"id": 1}])
        tree.load("shop.a")
        assert pa.default_memory_pool().backend_name == found
    finally:
        pa.set_memory_pool(before)
