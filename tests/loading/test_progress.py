"""Progress of a load: phases in order, and row counts of the resource's tables."""

import pytest

from data_foundation.errors import EntryError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.progress import Progress
from tests.support.trees import Tree


def test_progress_counts_rows_of_every_page(tree: Tree) -> None:
    """Progress gives the row count after each page, never decreasing, and at the end the count of the load."""
    data = "def get_rows():\n    for _ in range(3):\n        yield [{'n': n} for n in range(100)]\n"
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows}]", data)
    reported: list[Progress] = []
    task = tree.task("shop.rows")
    load_resource(task, tree.warehouse, report=reported.append)
    assert {progress.destination for progress in reported} == {"raw.rows"}
    extracted = [progress.rows for progress in reported if progress.phase == "extract"]
    assert extracted[0] == 0
    assert extracted[-1] == 300
    assert extracted == sorted(extracted)
    assert [reported[0].phase, reported[-1]] == ["waiting", Progress("raw.rows", "done", 300)]


def test_a_failure_is_the_last_progress(tree: Tree) -> None:
    """The last progress of a failed load has the phase `failed`."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows}]", "def get_rows():\n    return None\n")
    reported: list[Progress] = []
    task = tree.task("shop.rows")
    with pytest.raises(EntryError):
        load_resource(task, tree.warehouse, report=reported.append)
    assert reported[-1] == Progress("raw.rows", "failed")
