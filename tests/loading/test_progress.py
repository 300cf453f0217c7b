"""Holds progress to the truth: phases in order, and the rows of the resource's tables."""

import pytest

from data_foundation.errors import EntryError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.progress import Progress
from tests.support.trees import Tree


def test_rows_are_told_while_they_come(tree: Tree) -> None:
    """Page by page the rows so far, never fewer than before, and at the end those of the table."""
    data = "def get_rows():\n    for _ in range(3):\n        yield [{'n': n} for n in range(100)]\n"
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows}]", data)
    told: list[Progress] = []
    task = tree.task("shop.rows")
    load_resource(task, tree.warehouse, report=told.append)
    assert {progress.destination for progress in told} == {"raw.rows"}
    extracted = [progress.rows for progress in told if progress.phase == "extract"]
    assert extracted[0] == 0
    assert extracted[-1] == 300
    assert extracted == sorted(extracted)
    assert [told[0].phase, told[-1]] == ["waiting", Progress("raw.rows", "done", 300)]


def test_a_failure_is_told_last(tree: Tree) -> None:
    """The last that is heard of a load that fails is that it failed."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows}]", "def get_rows():\n    return None\n")
    told: list[Progress] = []
    task = tree.task("shop.rows")
    with pytest.raises(EntryError):
        load_resource(task, tree.warehouse, report=told.append)
    assert told[-1] == Progress("raw.rows", "failed")
