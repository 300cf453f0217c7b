"""Public reports about merging, with inputs of our own: the keys and the strategy of today's configuration decide."""

from typing import Any

import pytest

from data_foundation.errors import FoundationError
from tests.support.trees import Tree
from tests.support.typed_rows import WAYS, TypedRows

SCD2 = "write_disposition: {disposition: merge, strategy: scd2}"
MERGE = "write_disposition: merge, primary_key: id"
UPSERT = "write_disposition: {disposition: merge, strategy: upsert}, primary_key: id"
ENGINES = ["dicts", "dlt"]


def version(number: int, plan: str, seen: int) -> dict[str, Any]:
    """Returns a customer as the source has it."""
    return {"id": number, "v": plan, "seen": seen}


def versions(source: TypedRows) -> list[Any]:
    """Returns every version of each row, and whether it is the current one."""
    return source.table("id, v, _dlt_valid_to is null")


@pytest.mark.parametrize("way", WAYS)
def test_scd2_keeps_versions_of_rows_that_a_cursor_reads(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#1789: With merge_key, scd2 retires old versions of the rows that a run reads, and no other row."""
    source = TypedRows(tree, way, f"{SCD2}, merge_key: id, incremental: {{cursor_path: seen}}")
    source.load([version(1, "free", 1), version(2, "free", 2), version(3, "paid", 2)])
    source.load([version(2, "free", 2), version(1, "paid", 3)])
    source.load([version(1, "free", 4)])
    assert versions(source) == [
        (1, "free", False),
        (1, "free", True),
        (1, "paid", False),
        (2, "free", True),
        (3, "paid", True),
    ]


def test_scd2_with_a_cursor_and_without_merge_key_is_refused(tree: Tree) -> None:
    """dlt-hub/dlt#1789: Without merge_key each run would retire every row that did not change, so it is refused."""
    source = TypedRows(tree, "dicts", f"{SCD2}, incremental: {{cursor_path: seen}}")
    with pytest.raises(FoundationError, match="add a merge_key"):
        source.load([version(1, "free", 1)])


@pytest.mark.parametrize("way", WAYS)
def test_a_merge_key_that_was_removed_no_longer_protects_rows(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#2440: Without the merge_key of earlier runs, scd2 retires the rows that the source has no more."""
    source = TypedRows(tree, way, f"{SCD2}, primary_key: id, merge_key: id")
    source.load([version(1, "free", 1), version(2, "paid", 1)])
    source.load([version(2, "paid", 1)])
    assert versions(source) == [(1, "free", True), (2, "paid", True)]
    source.configure(f"{SCD2}, primary_key: id")
    source.load([version(2, "paid", 1)])
    assert versions(source) == [(1, "free", False), (2, "paid", True)]


def order(number: int, *parts: str) -> dict[str, Any]:
    """Returns a row with a list, which becomes a table of its own."""
    return {"id": number, "parts": [{"name": part} for part in parts]}


def parts(source: TypedRows) -> list[Any]:
    """Returns each order with its parts, joined by dlt's key."""
    return source.tree.query(
        "select id, list(name order by name) from raw.rows left join raw.rows__parts on _dlt_parent_id = rows._dlt_id"
        " group by all order by id"
    )


@pytest.mark.parametrize("way", ENGINES)
def test_lists_follow_their_rows_when_the_disposition_changes(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#684: From append to merge and back, each row has exactly the list elements that it brought last."""
    source = TypedRows(tree, way, "write_disposition: append")
    source.load([order(1, "a", "b"), order(2, "x")])
    source.configure(MERGE)
    source.load([order(1, "c"), order(3, "m", "n")])
    assert parts(source) == [(1, ["c"]), (2, ["x"]), (3, ["m", "n"])]
    source.configure("write_disposition: append")
    source.load([order(4, "y")])
    source.configure(MERGE)
    source.load([order(2), order(3, "n")])
    assert parts(source) == [(1, ["c"]), (2, [None]), (3, ["n"]), (4, ["y"])]
    assert source.tree.query("select count(*) from raw.rows__parts") == [3]


@pytest.mark.parametrize("way", ENGINES)
def test_a_table_of_list_elements_gets_the_key_of_its_row_later(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#3063: List elements that a replace wrote, without the key of their row, are merged with their row."""
    source = TypedRows(tree, way, "write_disposition: replace")
    source.load([order(1, "a", "b"), order(2, "x")])
    source.configure(MERGE)
    for last in ("c", "d"):
        source.load([order(1, last)])
        assert parts(source) == [(1, [last]), (2, ["x"])]


@pytest.mark.parametrize("written", ["append", "replace"])
def test_an_upsert_of_list_elements_that_have_other_ids_is_refused(tree: Tree, written: str) -> None:
    """dlt-hub/dlt#684: Upsert, which knows elements by ids of its own, is refused with both ways out; nothing lands."""
    source = TypedRows(tree, "dicts", f"write_disposition: {written}")
    source.load([order(1, "a", "b"), order(2, "x")])
    source.configure(UPSERT)
    with pytest.raises(FoundationError, match="`write_disposition: merge` replaces them as they are, or `refresh:"):
        source.load([order(1, "c")])
    assert parts(source) == [(1, ["a", "b"]), (2, ["x"])]
    source.load([order(1, "c"), order(2, "x")], refresh="drop")
    source.load([order(1, "d")])
    assert parts(source) == [(1, ["d"]), (2, ["x"])]
