"""Resources of one entry load side by side as if each had an entry of its own."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from data_foundation.errors import EntryError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from tests.support.trees import Tree

DATA = """
import threading
from pathlib import Path

import dlt

# Each load waits until the other one reads rows as well.
BARRIER = threading.Barrier(2, timeout=20)
CURSOR = dlt.sources.incremental("n", initial_value=0)


def rows():
    BARRIER.wait()
    last = int((Path(__file__).parent / "last.txt").read_text())
    for number in range(1, last + 1):
        yield {"n": number}


@dlt.resource
def made(size, cursor=CURSOR):
    yield from rows()


@dlt.resource
def plain():
    yield from rows()


@dlt.transformer
def doubled(row):
    yield {"n": row["n"], "twice": 2 * row["n"]}


default = made(1)
passed = made(1, dlt.sources.incremental("n", initial_value=0))
parallel = made(1, CURSOR).parallelize()
hinted = made(1)
hinted.apply_hints(incremental=CURSOR)
stepped = plain.with_name("stepped").add_step(CURSOR)
piped = made.with_name("parent")(1) | doubled
limited = plain.with_name("limited").add_limit(2)
"""


def load(tree: Tree, entry: str, last: int, **resource: Mapping[str, Any]) -> dict[str, list[int]]:
    """Loads two resources of one entry side by side; returns the numbers in each table."""
    resources = [{"entry": f"data.{entry}", "destination": f"raw.{table}", **resource} for table in ("a", "b")]
    tree.add("shop", yaml.safe_dump({"resources": resources}), DATA)
    (tree.root / "dlthub/shop/last.txt").write_text(str(last))
    tasks = [tree.task(f"shop.{table}") for table in ("a", "b")]
    errors = [event.error for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
    assert errors == [None, None]
    return {table: tree.query(f"SELECT n FROM raw.{table} ORDER BY n") for table in ("a", "b")}


@pytest.mark.parametrize("entry", ["default", "passed", "parallel", "hinted", "stepped", "piped"])
def test_each_resource_of_an_entry_has_its_own_cursor(tree: Tree, entry: str) -> None:
    """A resource of the module is copied for each load: neither table's cursor is stored as the other's."""
    assert load(tree, entry, 3) == {"a": [1, 2, 3], "b": [1, 2, 3]}
    assert load(tree, entry, 5) == {"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5]}


def test_each_resource_of_an_entry_has_its_own_limit(tree: Tree) -> None:
    """The limit of the code counts the rows of one load."""
    assert load(tree, "limited", 4) == {"a": [1, 2], "b": [1, 2]}


def test_several_cursors_of_one_resource_are_refused(tree: Tree) -> None:
    """Only one can be the cursor of the table; the other one would move unseen."""
    data = DATA + "\ntwo = made(1).add_step(dlt.sources.incremental('id'))\n"
    tree.add("shop", "resources: [{entry: data.two, destination: raw.a}]", data)
    with pytest.raises(EntryError, match="several cursors, n and id"):
        tree.load("shop.a")


def test_a_resource_whose_arguments_are_missing_is_refused_by_their_names(tree: Tree) -> None:
    """A person who does not write Python learns which key sets them."""
    tree.add("shop", "resources: [{entry: data.made, destination: raw.a}]", DATA)
    with pytest.raises(EntryError, match=r"'data\.made' needs a value for size; set it in `kwargs`"):
        tree.load("shop.a")
