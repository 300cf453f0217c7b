"""The contract: what was loaded can be looked at, and nothing be changed by looking."""

from datetime import UTC, datetime, timedelta

import pytest

from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import list_relations
from data_foundation.inspection.schema_history import read_history
from data_foundation.inspection.select import read_select
from data_foundation.inspection.tables import find_table, show_table
from data_foundation.naming import TableName
from tests.support.trees import Tree
from tests.warehouses.contract.engines import Engine

SOURCE = """
resources:
  - {entry: data.get_rows, destination: raw.orders, write_disposition: merge, primary_key: id}
"""


@pytest.mark.sampled(5)
def test_what_was_loaded_is_shown(engine: Engine, tree: Tree) -> None:
    """Tables with their rows, and when a schema was stored; a write is refused, and so is a wrong name."""
    tree.add("shop", SOURCE if engine.merges else SOURCE.replace("merge", "append"))
    tree.give("shop", [{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}])
    tree.load("shop.orders")
    warehouse = tree.warehouse
    found, lines = (find_table(warehouse, name) for name in ("raw.orders", "raw.orders__lines"))
    assert show_table(warehouse, "raw.orders", 5).rows[0][0] == 1
    assert len(show_table(warehouse, "raw.orders__lines", 1).rows) == 1
    shown = read_select(warehouse, f"SELECT COUNT(*) AS n FROM {lines}", 5)
    assert ([name.lower() for name in shown.names], shown.rows) == (["n"], ((2,),))
    listed = {str(one.name).lower(): one.rows for one in list_relations(warehouse, [found, lines], 10)}
    assert {str(found).lower(): 1, str(lines).lower(): 2}.items() <= listed.items()
    with pytest.raises(FoundationError, match="accepted is one SELECT"):
        read_select(warehouse, f"DELETE FROM {lines}", 5)
    if not warehouse.format:
        assert datetime.now(UTC) - read_history(warehouse, TableName("raw", "orders"))[-1].stored < timedelta(hours=1)
        with pytest.raises(FoundationError, match="there is no table"):
            show_table(warehouse, "raw.ordres", 5)
