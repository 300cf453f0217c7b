"""The audit trail is in the warehouse of every engine, with the moments of each attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from data_foundation.audit.read import read_newest, read_since
from tests.support.trees import Tree
from tests.warehouses.contract.engines import Engine

NEEDS = "keeps_audit"
YAML = "resources:\n  - entry: data.get_rows\n    destination: raw.t\n"


@pytest.mark.sampled(3)
def test_an_attempt_is_recorded_with_its_time(engine: Engine, tree: Tree) -> None:
    """What another machine reads of a load is when it began, in UTC, and what it loaded."""
    del engine
    tree.add("s", YAML)
    tree.give("s", [{"id": 1}, {"id": 2}])
    before = datetime.now(UTC)
    tree.load("s.t")
    [attempt] = read_newest(tree.warehouse).attempts
    assert (attempt.asset, attempt.status, attempt.rows) == ("raw.t", "loaded", 2)
    assert abs(attempt.started - before) < timedelta(minutes=2)
    assert [one.id for one in read_since(tree.warehouse, before - timedelta(seconds=1)).attempts] == [attempt.id]
