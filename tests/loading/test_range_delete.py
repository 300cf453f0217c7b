"""A range that is loaded again into an append table replaces its rows, for every cursor type and with nested tables."""

from collections.abc import Callable
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

CURSORS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "text": ("{data_type: text}", lambda day: f"2024-01-{day:02}"),
    "time": ("{data_type: timestamp}", lambda day: f"2024-01-{day:02}T12:00:00Z"),
    "date": ("{data_type: date}", lambda day: f"2024-01-{day:02}"),
    "number": ("{data_type: bigint}", lambda day: day),
}


def add_days(tree: Tree, kind: str = "text") -> None:
    """Writes a table of days; each row has two lines, and the first line has one tax."""
    column, spell = CURSORS[kind]
    cursor = f"incremental: {{cursor_path: at.day, initial_value: {spell(1)!r}}}, columns: {{at__day: {column}}}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.days, {cursor}}}]")


def give(tree: Tree, days: range, kind: str = "text", version: int = 1) -> None:
    """Sets the rows of the source from now on."""
    rows = [
        {"at": {"day": CURSORS[kind][1](day)}, "version": version, "lines": [{"taxes": [day]}, {"taxes": []}]}
        for day in days
    ]
    tree.give("shop", rows)


def table(tree: Tree) -> list[Any]:
    """Returns each day with its version, its count of lines and its count of taxes."""
    return tree.query(
        """
        select d."at__day"::varchar, d.version, count(distinct l._dlt_id), count(t.value)
        from raw.days d
        left join raw.days__lines l on l._dlt_parent_id = d._dlt_id
        left join raw.days__lines__taxes t on t._dlt_parent_id = l._dlt_id
        group by d._dlt_id, d."at__day", d.version order by all
        """
    )


@pytest.mark.parametrize("kind", CURSORS)
def test_a_range_that_is_loaded_again_replaces_its_rows(tree: Tree, kind: str) -> None:
    """Rows in the range are replaced with their nested rows; rows before and after it are kept."""
    add_days(tree, kind)
    give(tree, range(1, 7), kind)
    tree.load("shop.days")
    give(tree, range(1, 7), kind, version=2)
    spell = CURSORS[kind][1]
    for _ in range(2):
        result = tree.load("shop.days", start=str(spell(3)), end=str(spell(5)))
        assert (result.rows, result.row_count, result.warnings) == (2, 6, ())
    assert [row[1:] for row in table(tree)] == [(version, 2, 1) for version in (1, 1, 2, 2, 1, 1)]
    assert tree.query("select count(*) from raw.days__lines__taxes") == [6]


def test_a_range_without_an_end_replaces_all_that_follows(tree: Tree) -> None:
    """All rows from the start on are replaced; a warning says that rows after the cursor will be added again."""
    add_days(tree)
    give(tree, range(1, 5))
    tree.load("shop.days")
    give(tree, range(1, 7), version=2)
    [warning] = tree.load("shop.days", start="2024-01-03").warnings
    assert "rows of this range after the cursor will be added again by the next run" in warning
    assert [row[1] for row in table(tree)] == [1, 1, 2, 2, 2, 2]


def test_a_range_that_fails_keeps_its_rows(tree: Tree) -> None:
    """The old rows are deleted only in the transaction that adds the new ones."""
    add_days(tree)
    give(tree, range(1, 4))
    tree.load("shop.days")
    tree.query("alter table raw.days rename to days_away")
    tree.query("create view raw.days as from raw.days_away")
    with pytest.raises(LoadError, match="Can only delete from base table"):
        tree.load("shop.days", start="2024-01-02", end="2024-01-03")
    tree.query("drop view raw.days")
    tree.query("alter table raw.days_away rename to days")
    assert [row[1:] for row in table(tree)] == [(1, 2, 1)] * 3


def test_a_range_without_a_table_is_a_first_load(tree: Tree) -> None:
    """On a table that does not exist yet, a range is a first load."""
    add_days(tree)
    give(tree, range(1, 5))
    assert tree.load("shop.days", start="2024-01-02", end="2024-01-04").row_count == 2


def test_an_empty_range_deletes_its_rows(tree: Tree) -> None:
    """If the source has no rows in the range any more, the rows of the table are deleted."""
    add_days(tree)
    give(tree, range(1, 4))
    tree.load("shop.days")
    give(tree, range(1, 2))
    result = tree.load("shop.days", start="2024-01-02", end="2024-01-04")
    assert (result.rows, result.row_count) == (0, 1)


@pytest.mark.parametrize("options", [{}, {"start": "5", "end": "20"}], ids=["lag", "range"])
def test_a_new_column_comes_with_rows_that_replace_others(any_tree: Tree, options: dict[str, str]) -> None:
    """The column is added before the rows of the window are deleted, in one transaction; nested rows follow theirs."""
    cursor = "incremental: {cursor_path: n, initial_value: 0, lag: 5}"
    any_tree.add("s", f"resources: [{{entry: data.get_rows, destination: raw.t, {cursor}}}]")
    any_tree.give("s", [{"n": one, "lines": [{"x": one}]} for one in range(10)])
    any_tree.load("s.t")
    any_tree.give("s", [{"n": one, "new": one, "lines": [{"x": one, "y": one}]} for one in range(12)])
    any_tree.load("s.t", **options)
    assert any_tree.query("select n from raw.t order by n") == list(range(12))
    first = 5 if options else 4
    assert any_tree.query("select new from raw.t where new is not null order by n") == list(range(first, 12))
    assert any_tree.query("select x from raw.t__lines order by x") == list(range(12))
    assert any_tree.query("select y from raw.t__lines where y is not null order by y") == list(range(first, 12))
