"""What a database would round, or store as NULL, is refused."""

import math
from decimal import Decimal
from typing import Any

import pytest

from data_foundation.errors import FoundationError
from tests.warehouses.contract.engines import ENGINES
from tests.warehouses.contract.test_values import DATA, YAML, give


@pytest.mark.parametrize("name", ["mariadb", "sqlite"])
@pytest.mark.parametrize("value", [math.inf, math.nan, Decimal("1234567890123456.5")], ids=str)
def test_a_value_that_would_change_is_refused(
    value: Any, name: str, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    """What the database would round or store as NULL fails the load, and leaves the table as it was."""
    tree = ENGINES[name].share(request, tmp_path)(tmp_path / "here")
    tree.add("s", YAML, DATA)
    give(tree, [{"id": "a", "amount": Decimal(1), "real": 1.5}])
    tree.load("s.t")
    column = "amount" if isinstance(value, Decimal) else "real"
    give(tree, [{"id": "a", "amount": Decimal(2), "real": 2.5, column: value}])
    try:
        tree.load("s.t")
    except FoundationError:
        assert tree.query("select real from raw.t") == [1.5]
    else:
        [found] = tree.query(f"select {column} from raw.t")
        assert Decimal(str(found)) == value
