"""A column whose declared type differs from that of its table is changed without a loss, or its rows are refused."""

from decimal import Decimal

import pytest

from data_foundation.errors import FoundationError
from tests.support.trees import Tree
from tests.warehouses.contract.engines import Engine

YAML = """
resources:
  - entry: data.get_rows
    destination: raw.t
    columns: {{amount: {{data_type: decimal, precision: {precision}, scale: {scale}}}}}
"""


@pytest.mark.sampled(2)
def test_more_digits_are_kept_or_refused(engine: Engine, tree: Tree) -> None:
    """A table with two decimals does not round the rows of a resource that now declares four."""
    tree.add("s", YAML.format(precision=10, scale=2))
    tree.give("s", [{"id": 1, "amount": "1.25"}])
    tree.load("s.t")
    tree.add("s", YAML.format(precision=14, scale=4))
    tree.give("s", [{"id": 2, "amount": "1.2345"}])
    if engine.changes_types and engine.changes_scale:
        tree.load("s.t")
        expected = [Decimal("1.25"), Decimal("1.2345")]
    else:
        with pytest.raises(FoundationError, match="amount"):
            tree.load("s.t")
        expected = [Decimal("1.25")]
    assert [Decimal(str(value)) for value in tree.query("select amount from raw.t order by id")] == expected
