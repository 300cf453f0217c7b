"""Settings of a cursor that only code has, in runs of a range: what is deleted is what is loaded again."""

from typing import Any

import pytest

from tests.support.spellings import HEAD, give
from tests.support.trees import Tree


def load(tree: Tree, form: str, last: int, **options: Any) -> list[int]:
    """Loads while the source has the rows up to a number; returns the numbers in the table."""
    give(tree, [{"n": number} for number in range(1, last + 1)], form=form)
    tree.load("s.t", **options)
    return tree.query("SELECT n FROM raw.t ORDER BY n")


def add(tree: Tree, cursor: str) -> None:
    """Writes a source whose append has a cursor in code."""
    code = f"\n@dlt.resource\ndef rows(cursor=dlt.sources.incremental({cursor})):\n    yield from read('rows')\n"
    tree.add("s", "resources: [{entry: data.rows, destination: raw.t}]", HEAD + code)


@pytest.mark.parametrize("form", ["dict", "arrow"])
def test_a_range_loads_the_rows_at_its_start(tree: Tree, form: str) -> None:
    """`range_start="open"` leaves out rows at the stored value, not those at the start of a range that is deleted."""
    add(tree, "'n', initial_value=0, range_start='open'")
    assert load(tree, form, 3) == [1, 2, 3]
    assert load(tree, form, 3, start="2", end="4") == [1, 2, 3]
    assert load(tree, form, 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("form", ["dict", "arrow"])
@pytest.mark.parametrize(("range_end", "expected"), [("open", [1, 2]), ("closed", [1, 2, 3])])
def test_a_fixed_end_is_a_range_that_each_run_loads_once(
    tree: Tree, form: str, range_end: str, expected: list[int]
) -> None:
    """Dlt stores no value for `end_value`: the rows of the range replace those of the run before."""
    add(tree, f"'n', initial_value=0, end_value=3, range_end='{range_end}'")
    assert load(tree, form, 5) == expected
    assert load(tree, form, 5) == expected
    assert load(tree, form, 5, start="2", end="6") == [1, 2, 3, 4, 5]
    assert load(tree, form, 5, start="1") == [1, 2, 3, 4, 5]
    assert load(tree, form, 5) == [1, 2, 3, 4, 5]


def test_a_path_from_the_root_names_the_same_column(tree: Tree) -> None:
    """The JSON path `$.n` of dicts is the column n, whose rows a range deletes before it is appended again."""
    add(tree, "'$.n', initial_value=0")
    assert load(tree, "dict", 3) == [1, 2, 3]
    assert load(tree, "dict", 3, start="2", end="4") == [1, 2, 3]
