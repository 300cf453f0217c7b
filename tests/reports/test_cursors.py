"""Public reports about cursors, with inputs of our own: each table is the one that the reporter expected."""

from typing import Any

import pytest

from data_foundation.loading.cursor.known_rows import MOST_DIGESTS
from tests.support.trees import Tree
from tests.support.typed_rows import WAYS, TypedRows

DAYS: list[dict[str, Any]] = [
    {"id": 1, "v": "a", "at": "2024-01-01"},
    {"id": 2, "v": "b", "at": "2024-01-02"},
    {"id": 3, "v": "c", "at": "2024-01-02"},
]


@pytest.mark.parametrize("way", WAYS)
def test_an_append_without_news_adds_nothing(tree: Tree, way: str) -> None:
    """dlt-hub/dlt 971: with unordered pages and without a key, rows that are read again are not added again."""
    source = TypedRows(tree, way, "write_disposition: append, incremental: {cursor_path: at}")
    for _ in range(3):
        source.load([DAYS[2], DAYS[0]], [DAYS[1], DAYS[0]][:1])
    assert source.table() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["merge_key: at", "primary_key: id", "primary_key: id, merge_key: at"])
def test_a_merge_sees_all_rows_of_the_newest_day(tree: Tree, way: str, keys: str) -> None:
    """dlt-hub/dlt 1131: a row that changes within its day is merged, and its neighbours of the day are not deleted."""
    source = TypedRows(
        tree, way, f"write_disposition: merge, {keys}, incremental: {{cursor_path: at, initial_value: '2024-01-01'}}"
    )
    source.load(DAYS)
    source.load([*DAYS[:2], {**DAYS[2], "v": "changed"}])
    assert source.table() == [(1, "a"), (2, "b"), (3, "changed")]
    source.load([*DAYS[:2], {**DAYS[2], "v": "changed"}])
    assert source.table() == [(1, "a"), (2, "b"), (3, "changed")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["write_disposition: append", "write_disposition: merge, primary_key: id"])
def test_the_last_days_are_read_again(tree: Tree, way: str, mode: str) -> None:
    """dlt-hub/dlt 970: `lag` reads the last days again, for rows that come late, and has each of them once."""
    source = TypedRows(tree, way, f"{mode}, incremental: {{cursor_path: at, initial_value: '2024-01-01', lag: 7}}")
    source.load([DAYS[0], {"id": 4, "v": "d", "at": "2024-01-20"}])
    late = {"id": 5, "v": "late", "at": "2024-01-15"}
    for _ in range(2):
        source.load([*DAYS, late, {"id": 4, "v": "new", "at": "2024-01-20"}])
        assert source.table() == [(1, "a"), (4, "new"), (5, "late")]


@pytest.mark.parametrize("keys", ["write_disposition: append", "write_disposition: merge, primary_key: id"])
def test_the_state_does_not_grow_with_the_rows_of_a_day(tree: Tree, keys: str) -> None:
    """dlt-hub/dlt 4030: thousands of rows of one value take little state, and runs without news write none."""
    source = TypedRows(tree, "dicts", f"{keys}, incremental: {{cursor_path: at, initial_value: '2023-01-01'}}")
    for _ in range(3):
        source.load([{"id": number, "v": "a", "at": "2024-01-01"} for number in range(MOST_DIGESTS * 4)])
    assert tree.query("select count(*), count(distinct id) from raw.rows") == [(MOST_DIGESTS * 4, MOST_DIGESTS * 4)]
    assert tree.query("select count(*), max(length(state)) < 10000 from raw._dlt_pipeline_state") == [(1, True)]
