"""What was taken out of the configuration has no effect any more; what only a new table can do is refused by name."""

from itertools import product
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

MERGE = "write_disposition: merge, primary_key: id"
UPSERT = "write_disposition: {disposition: merge, strategy: upsert}, primary_key: id"
INSERT_ONLY = "write_disposition: {disposition: merge, strategy: insert-only}, primary_key: id"
SCD2 = "write_disposition: {disposition: merge, strategy: scd2}"
APPEND, REPLACE = "write_disposition: append", "write_disposition: replace"
ENGINES = {"columnar": "", "dlt": ", engine: dlt"}
FIRST = [{"id": 1, "k": "a", "v": 1, "gone": None}, {"id": 2, "k": "a", "v": 2, "gone": None}]

REMOVED: dict[str, tuple[str, str, list[dict[str, Any]], list[Any]]] = {
    "hard_delete": (
        f"{MERGE}, columns: {{gone: {{data_type: text, hard_delete: true}}}}", MERGE,
        [{"id": 2, "k": "a", "v": 3, "gone": "yes"}], [(1, 1), (2, 3)],
    ),
    "merge_key": (
        f"{MERGE}, merge_key: k", MERGE,
        [{"id": 3, "k": "a", "v": 3, "gone": None}], [(1, 1), (2, 2), (3, 3)],
    ),
    "primary_key": (
        MERGE, "write_disposition: merge, primary_key: v",
        [{"id": 1, "k": "a", "v": 3, "gone": None}], [(1, 1), (1, 3), (2, 2)],
    ),
    "primary_key and merge": (
        MERGE, APPEND,
        [{"id": None, "k": "a", "v": 3, "gone": None}, {"id": 1, "k": "a", "v": 4, "gone": None}],
        [(1, 1), (1, 4), (2, 2), (None, 3)],
    ),
    "nullable": (
        "columns: {v: {data_type: bigint, nullable: false}}", APPEND,
        [{"id": 3, "k": "a", "v": None, "gone": None}, {"id": 4, "k": "a", "gone": None}],
        [(1, 1), (2, 2), (3, None), (4, None)],
    ),
    "dedup_sort": (
        f"{MERGE}, columns: {{v: {{dedup_sort: asc}}}}", f"{MERGE}, columns: {{v: {{dedup_sort: desc}}}}",
        [{"id": 1, "k": "a", "v": 3, "gone": None}, {"id": 1, "k": "a", "v": 4, "gone": None}], [(1, 4), (2, 2)],
    ),
    "schema_contract": (
        "schema_contract: {columns: discard_row}", APPEND,
        [{"id": 3, "k": "a", "v": 3, "gone": None, "more": 1}], [(1, 1), (2, 2), (3, 3)],
    ),
    "unique and description": (
        "columns: {v: {unique: true, description: a number}}", APPEND,
        [{"id": 3, "k": "a", "v": 1, "gone": None}], [(1, 1), (2, 2), (3, 1)],
    ),
}  # fmt: skip
OF_COLUMNS = frozenset({"hard_delete", "merge_key", "unique", "description"})


def configure(tree: Tree, settings: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]")


def load(tree: Tree, settings: str, rows: list[dict[str, Any]]) -> Any:
    """Loads rows under settings."""
    configure(tree, settings)
    tree.give("shop", rows)
    return tree.load("shop.orders")


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("name", "engine"), product(REMOVED, ENGINES))
def test_a_hint_that_was_removed_has_no_effect(tree: Tree, name: str, engine: str) -> None:
    """The table is what it would be if the hint had never been there, from the next load on."""
    check_removed(tree, name, ENGINES[engine])


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", REMOVED)
def test_a_removed_hint_on_every_engine(any_tree: Tree, name: str) -> None:
    """The same on PostgreSQL."""
    check_removed(any_tree, name, "")


def check_removed(tree: Tree, name: str, engine: str) -> None:
    """Loads with a hint and then without it."""
    before, after, rows, expected = REMOVED[name]
    load(tree, before + engine, FIRST)
    result = load(tree, after + engine, rows)
    assert tree.query("select id, v from raw.orders order by id nulls last, v") == expected
    own = [column for name, column in result.columns.items() if not name.startswith("_dlt")]
    left = {hint for column in own for hint in column if hint in OF_COLUMNS}
    assert left == set()
    again = load(tree, after + engine, [])
    assert tree.query("select id, v from raw.orders order by id nulls last, v") == expected
    assert again.widened == {}


LINES = [{"id": 1, "lines": [{"n": 1, "taxes": [{"rate": 1}]}]}, {"id": 2, "lines": [{"n": 2, "taxes": [{"rate": 2}]}]}]
NEXT = [{"id": 2, "lines": [{"n": 3, "taxes": [{"rate": 3}, {"rate": 4}]}]}]
NESTED = {
    "orders": "select id from raw.orders order by id",
    "lines": "select n from raw.orders__lines order by n",
    "taxes": "select rate from raw.orders__lines__taxes order by rate",
}
SWITCHES: dict[tuple[str, str], tuple[list[int], list[int], list[int]] | None] = {
    **dict.fromkeys(product([APPEND, REPLACE, UPSERT, INSERT_ONLY], [MERGE]), ([1, 2], [1, 3], [1, 3, 4])),
    **dict.fromkeys(product([MERGE, REPLACE, UPSERT, INSERT_ONLY], [APPEND]), ([1, 2, 2], [1, 2, 3], [1, 2, 3, 4])),
    **dict.fromkeys(product([APPEND, MERGE, UPSERT, INSERT_ONLY], [REPLACE]), ([2], [3], [3, 4])),
    **dict.fromkeys(product([APPEND, MERGE, REPLACE], [UPSERT, INSERT_ONLY])),
    (INSERT_ONLY, UPSERT): ([1, 2], [1, 3], [1, 3, 4]),
    **dict.fromkeys(product([APPEND, MERGE, REPLACE], [SCD2])),
    **dict.fromkeys(product([SCD2], [APPEND, MERGE, REPLACE, UPSERT])),
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_a_disposition_that_changes(tree: Tree, before: str, after: str) -> None:
    """Rows of lists follow their row under every disposition, or the change is refused before the first row."""
    check_switch(tree, before, after)


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("before", "after"), [(APPEND, MERGE), (REPLACE, MERGE), (MERGE, APPEND), (APPEND, UPSERT)])
def test_a_disposition_that_changes_on_every_engine(any_tree: Tree, before: str, after: str) -> None:
    """The same on PostgreSQL."""
    check_switch(any_tree, before, after)


def check_switch(tree: Tree, before: str, after: str) -> None:
    """Loads rows with lists under one disposition and then under another."""
    load(tree, before, LINES)
    expected = SWITCHES[before, after]
    if expected is None:
        with pytest.raises(LoadError, match=r"raw\.orders: .*refresh: drop"):
            load(tree, after, NEXT)
        assert nested(tree) == ([1, 2], [1, 2], [1, 2])
        assert tree.load("shop.orders", refresh="drop").row_count == 1
        return
    load(tree, after, NEXT)
    assert nested(tree) == expected
    load(tree, after, [])


def nested(tree: Tree) -> tuple[list[Any], ...]:
    """Returns the rows of the table and of its nested tables."""
    return tuple(tree.query(sql) for sql in NESTED.values())


def test_switching_there_and_back(any_tree: Tree) -> None:
    """Rows that an append loads into a table that once merged are found by the next merge."""
    load(any_tree, MERGE, LINES)
    load(any_tree, APPEND, [{"id": 3, "lines": [{"n": 5, "taxes": [{"rate": 5}]}]}])
    load(any_tree, MERGE, [{"id": 3, "lines": [{"n": 6}]}, *NEXT])
    assert nested(any_tree) == ([1, 2, 3], [1, 3, 6], [1, 3, 4])


@pytest.mark.parametrize("more", [APPEND, REPLACE, MERGE])
def test_a_new_column_that_is_not_nullable(any_tree: Tree, more: str) -> None:
    """Rows that are there have no value in it; rows that come must have one."""
    load(any_tree, more, [{"id": 1}])
    declared = f"{more}, columns: {{v: {{data_type: bigint, nullable: false}}}}"
    load(any_tree, declared, [{"id": 2, "v": 2}])
    expected: list[Any] = [(2, 2)] if more == REPLACE else [(1, None), (2, 2)]
    assert any_tree.query("select id, v from raw.orders order by id") == expected
    with pytest.raises(LoadError, match="not nullable"):
        load(any_tree, declared, [{"id": 3, "v": None}])


def test_nesting_that_was_limited(any_tree: Tree) -> None:
    """Without the limit, new lists become nested tables; a column that is JSON stays what it is."""
    load(any_tree, "max_table_nesting: 0", [{"id": 1, "lines": [{"n": 1}]}])
    load(any_tree, APPEND, [{"id": 2, "lines": [{"n": 2}], "notes": [{"n": 3}]}])
    assert any_tree.query("select n from raw.orders__notes") == [3]
    assert any_tree.query("select count(*) from raw.orders where lines is not null") == [2]


def test_a_schema_that_does_not_change_is_stored_once(tree: Tree) -> None:
    """Taking out a hint stores one version of the schema; later loads none, and putting it back one more."""
    versions = "select count(*) from raw._dlt_version where schema_name = 'orders'"
    keyed = f"{MERGE}, columns: {{v: {{description: a number}}}}"
    counts = []
    for settings in (keyed, keyed, MERGE, MERGE, keyed, keyed):
        load(tree, settings, FIRST)
        counts += tree.query(versions)
    assert counts == [1, 1, 2, 2, 3, 3]
