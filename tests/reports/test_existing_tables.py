"""Public reports about tables that exist, with inputs of our own."""

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

TYPED = """
import dlt


@dlt.resource(columns={{"size": {{"data_type": "{kind}"}}}})
def parcels():
    "One parcel."
    yield {{"id": {number}, "size": {size}}}
"""
PARCELS = "resources: [{entry: data.parcels, destination: raw.parcels}]"


def test_a_type_that_code_changes(tree: Tree) -> None:
    """dlt-hub/dlt#4340: A type that a decorator changes reaches the column, or is refused with the statement."""
    tree.add("s", PARCELS, TYPED.format(kind="bigint", number=1, size=3))
    tree.load("s.parcels")
    tree.add("s", PARCELS, TYPED.format(kind="text", number=2, size="'007'"))
    assert tree.load("s.parcels").widened == {"parcels": {"size": "BIGINT to VARCHAR"}}
    tree.add("s", PARCELS, TYPED.format(kind="bool", number=3, size="True"))
    with pytest.raises(LoadError, match="column size of table parcels is VARCHAR, and this load has BOOLEAN"):
        tree.load("s.parcels")
    assert tree.query("select id, size from raw.parcels order by id") == [(1, "3"), (2, "007")]


HISTORY = "resources: [{{entry: data.get_rows, destination: raw.staff, {settings}}}]"
SCD2 = "write_disposition: {disposition: merge, strategy: scd2}"


def test_a_merge_key_that_was_taken_out(tree: Tree) -> None:
    """dlt-hub/dlt#2440: Without the merge key, scd2 retires the rows that are absent, as if it had never been there."""
    tree.add("s", HISTORY.format(settings=f"{SCD2}, merge_key: id"))
    tree.give("s", [{"id": 1}, {"id": 2}])
    tree.load("s.staff")
    tree.give("s", [{"id": 1}])
    tree.load("s.staff")
    active = "select id from raw.staff where _dlt_valid_to is null order by id"
    assert tree.query(active) == [1, 2]
    tree.add("s", HISTORY.format(settings=SCD2))
    tree.load("s.staff")
    assert tree.query(active) == [1]


def test_a_replace_that_becomes_a_merge(tree: Tree) -> None:
    """dlt-hub/dlt#1972: A table with lists that was replaced merges from the next load on, with a cursor too."""
    tree.add("s", HISTORY.format(settings="write_disposition: replace"))
    tree.give("s", [{"id": 1, "at": 1, "roles": ["a"]}, {"id": 2, "at": 2, "roles": ["b"]}])
    tree.load("s.staff")
    merged = "write_disposition: merge, primary_key: id, incremental: {cursor_path: at}"
    tree.add("s", HISTORY.format(settings=merged))
    tree.give("s", [{"id": 2, "at": 3, "roles": ["c"]}])
    tree.load("s.staff")
    assert tree.query("select value from raw.staff__roles order by value") == ["a", "c"]
