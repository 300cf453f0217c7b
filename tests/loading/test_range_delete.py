"""A range that is appended again brings its rows once, whatever type the cursor has and whatever hangs below them."""

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
    """A table of days, each with two lines and a tax below the first."""
    column, spell = CURSORS[kind]
    cursor = f"incremental: {{cursor_path: at.day, initial_value: {spell(1)!r}}}, columns: {{at__day: {column}}}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.days, {cursor}}}]")


def give(tree: Tree, days: range, kind: str = "text", version: int = 1) -> None:
    """What the vendor has from now on."""
    rows = [
        {"at": {"day": CURSORS[kind][1](day)}, "version": version, "lines": [{"taxes": [day]}, {"taxes": []}]}
        for day in days
    ]
    tree.give("shop", rows)


def table(tree: Tree) -> list[Any]:
    """Days with their versions, lines and taxes."""
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
def test_a_range_that_is_loaded_again_counts_once(tree: Tree, kind: str) -> None:
    """Its rows and what is nested below them are replaced; what lies before and behind stays."""
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
    """From the start on, and says that a later run adds what lies behind the cursor once more."""
    add_days(tree)
    give(tree, range(1, 5))
    tree.load("shop.days")
    give(tree, range(1, 7), version=2)
    [warning] = tree.load("shop.days", start="2024-01-03").warnings
    assert "rows of this range after the cursor will be added again by the next run" in warning
    assert [row[1] for row in table(tree)] == [1, 1, 2, 2, 2, 2]


def test_a_range_that_fails_keeps_its_rows(tree: Tree) -> None:
    """The rows go only where the new ones come."""
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


def test_a_range_before_any_table_is_a_first_load(tree: Tree) -> None:
    """There is nothing to replace yet."""
    add_days(tree)
    give(tree, range(1, 5))
    assert tree.load("shop.days", start="2024-01-02", end="2024-01-04").row_count == 2


def test_an_empty_range_takes_away_what_the_vendor_took_away(tree: Tree) -> None:
    """A day without rows any more has none in the table either, as a fresh load would have it."""
    add_days(tree)
    give(tree, range(1, 4))
    tree.load("shop.days")
    give(tree, range(1, 2))
    result = tree.load("shop.days", start="2024-01-02", end="2024-01-04")
    assert (result.rows, result.row_count) == (0, 1)
