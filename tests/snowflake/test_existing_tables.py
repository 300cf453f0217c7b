"""Tables in Snowflake that exist: Snowflake makes numbers longer in place; any other change of a type is refused."""

import pytest

from data_foundation.errors import LoadError
from tests.snowflake.conftest import SnowflakeTree

ONE = "resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]"


def load(tree: SnowflakeTree, settings: str, rows: list[dict[str, object]]) -> None:
    """Loads rows under settings."""
    tree.add("shop", ONE.format(settings=settings))
    tree.give("shop", rows)
    tree.load("shop.orders")


def test_a_type_declared_for_a_column_that_exists(tree: SnowflakeTree) -> None:
    """A double for a column of whole numbers is refused before the first row, and `refresh: drop` makes it one."""
    load(tree, "write_disposition: append", [{"id": 1, "x": 1}])
    declared = "columns: {x: {data_type: double}}"
    with pytest.raises(LoadError, match=r"column x of table orders is NUMBER.*, and this load has FLOAT"):
        load(tree, declared, [{"id": 2, "x": 1.6}])
    assert tree.load("shop.orders", refresh="drop").row_count == 1


def test_an_append_that_becomes_a_merge(tree: SnowflakeTree) -> None:
    """The rows of lists that an append loaded are found by the merge."""
    load(tree, "write_disposition: append", [{"id": 1, "lines": [{"n": 1}]}, {"id": 2, "lines": [{"n": 2}]}])
    load(tree, "write_disposition: merge, primary_key: id", [{"id": 2, "lines": [{"n": 3}]}])
    raw = tree.deployed.dataset("raw")
    assert tree.query(f"select n from {raw}.orders__lines order by n") == [1, 3]
