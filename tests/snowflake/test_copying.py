"""Tests of tables that are copied to Snowflake, and back."""

from dataclasses import replace

import pytest

from tests.snowflake.conftest import SnowflakeTree
from tests.support.copies import Pair, Table, copy
from tests.support.trees import Tree


@pytest.mark.parametrize("way", ["to Snowflake", "from Snowflake"])
@pytest.mark.sampled(2)
def test_the_next_run_continues_there(tree: SnowflakeTree, way: str) -> None:
    """Values of every type arrive unchanged, JSON as a VARIANT; the next run adds what is new."""
    tree = replace(tree, deployed=tree.account.warehouse(tree.root / "other"))
    sides = (Tree(tree.root), tree) if way == "to Snowflake" else (tree, Tree(tree.root))
    pair = Pair(*sides)
    Table(pair.here).declare("append")
    Table(pair.here).load(1, 2, 3)
    assert copy(pair).tables == {"orders": 3, "orders__lines": 6, "orders__lines__tags": 12}
    for tree_ in sides:
        Table(tree_).load(1, 2, 3, 4)
    pair.compare()
