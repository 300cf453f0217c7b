"""Rows that a database has deleted are deleted or marked in Snowflake, by key."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.loading.test_deletes import CREATE, UPSERT, add, change, file
from tests.snowflake.conftest import SnowflakeTree

__all__ = ["file"]


@pytest.mark.parametrize(("mode", "left"), [("hard", [(1, "y"), (2, "x")]), ("soft", [(1, "x"), (1, "y"), (2, "x")])])
def test_a_deleted_row_is_deleted_or_marked(
    tree: SnowflakeTree, file: Path, mode: str, left: Sequence[tuple[int, str]]
) -> None:
    """Of a key of two columns, only the row that is gone is deleted, or marked."""
    change(file, f"{CREATE} INSERT INTO lines VALUES (1, 'x', ''), (1, 'y', ''), (2, 'x', '')")
    add(tree, {**UPSERT, "primary_key": ["order_id", "line"]}, table="lines", deleted=mode)
    tree.load("shop.orders")
    change(file, "DELETE FROM lines WHERE order_id = 1 AND line = 'x'")
    assert tree.load("shop.orders").deleted == 1
    assert tree.query("select order_id, line from raw.orders order by order_id, line") == left
    if mode == "soft":
        assert tree.query("select line from raw.orders where order_id = 1 and _deleted_at is null") == ["y"]
    assert tree.load("shop.orders").deleted == 0
