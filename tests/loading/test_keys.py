"""Rows of one key in one load, of which a merge keeps one, and keys that change while the table exists."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from data_foundation.inspection.plan import make_plans
from tests.support.trees import Tree

SOURCE = "resources: [{{entry: data.get_rows, destination: raw.orders, write_disposition: {disposition}, {keys}}}]"
ARROW = """
import json
from pathlib import Path

import pyarrow as pa


def get_rows():
    yield pa.Table.from_pylist(json.loads((Path(__file__).parent / "rows.json").read_text()))
"""
AT = "incremental: {cursor_path: at}"
SORTED = "columns: {at: {dedup_sort: desc}}"


def declare(tree: Tree, keys: str, disposition: str = "merge", code: str | None = None) -> None:
    """Writes the source."""
    yaml = SOURCE.format(keys=keys, disposition=disposition)
    tree.add("shop", yaml, *([code] if code else []))


def dropped(tree: Tree, rows: Sequence[Any]) -> tuple[int, int, list[str]]:
    """Loads rows, and returns the numbers of rows sent and in the table, and the warnings of dropped rows."""
    tree.give("shop", rows)
    result = tree.load("shop.orders")
    return result.rows, result.row_count or 0, [one for one in result.warnings if "of this load are not in" in one]


def row(key: Any, at: int = 1, **values: Any) -> dict[str, Any]:
    """Returns a row."""
    return {"id": key, "at": at, "region": "eu", **values}


LOSSES: dict[str, tuple[str, list[dict[str, Any]], int]] = {
    "distinct keys": ("primary_key: id", [row(1), row(2)], 0),
    "equal rows": ("primary_key: id", [row(1), row(1), row(2)], 0),
    "two rows": ("primary_key: id", [row(1), row(1, region="us"), row(2)], 1),
    "five rows, two of them equal": (
        "primary_key: id",
        [row(1), row(1, region="us"), row(1, region="us"), row(2, v=1), row(2, v=2), row(2, v=3)], 3,
    ),
    "two columns": ("primary_key: [id, region]", [row(1), row(1, region="us"), row(1, region="us", v=1)], 1),
    "a column that one row lacks": ("primary_key: id", [row(1), row(1, v="only here"), row(2)], 1),
    "versions in order": (f"primary_key: id, {AT}", [row(1, 1), row(1, 2, v=2), row(2)], 0),
    "versions of one moment": (f"primary_key: id, {AT}", [row(1, 1), row(1, 2, v=2), row(1, 2, v=3)], 1),
    "versions sorted": (f"primary_key: id, {SORTED}", [row(1, 1), row(1, 2, v=2)], 0),
    "a merge key alone": ("merge_key: id", [row(1), row(1, region="us")], 0),
}  # fmt: skip


@pytest.mark.parametrize("code", [None, ARROW], ids=["dicts", "arrow"])
@pytest.mark.parametrize(("keys", "rows", "lost"), LOSSES.values(), ids=LOSSES)
def test_different_rows_of_one_key_are_counted(
    tree: Tree, keys: str, rows: list[dict[str, Any]], lost: int, code: str | None
) -> None:
    """A row that a merge drops although no order decides is in a warning; equal rows and older versions are not."""
    names = {name for one in rows for name in one}
    if code:
        rows = [{name: one.get(name) for name in sorted(names)} for one in rows]
    declare(tree, keys, code=code)
    sent, count, warnings = dropped(tree, rows)
    assert sent == len(rows)
    assert len(warnings) == bool(lost)
    for text in warnings:
        assert text.startswith(f"{lost:,} rows of this load are not in orders")
    if "incremental" not in keys and "merge_key" not in keys and "dedup_sort" not in keys:
        distinct = {json.dumps(one, sort_keys=True) for one in rows}
        assert len(distinct) - count == lost


@pytest.mark.parametrize("disposition", ["append", "replace", "{disposition: merge, strategy: scd2}"])
def test_rows_that_are_all_kept_are_no_loss(tree: Tree, disposition: str) -> None:
    """Dispositions that keep each row of a key have no warning."""
    declare(tree, "primary_key: id", disposition)
    assert dropped(tree, [row(1), row(1, region="us")]) == (2, 2, [])


KEYS = {
    "fewer columns": ("primary_key: [id, region]", "primary_key: id", "primary_key id", "primary_key id, region"),
    "merge key": ("merge_key: region", "merge_key: id", "merge_key id", "merge_key region"),
    "another kind": ("primary_key: id", "merge_key: region", "merge_key region", "primary_key id"),
}


@pytest.mark.parametrize(("before", "after", "becomes", "was"), KEYS.values(), ids=KEYS)
def test_a_key_that_changes_is_told(tree: Tree, before: str, after: str, becomes: str, was: str) -> None:
    """`plan` shows it before the load, and the first load by the new key warns; the next one does not."""
    declare(tree, before)
    tree.give("shop", [row(1), row(2, region="us")])
    assert not [one for one in tree.load("shop.orders").warnings if "the key has changed" in one]
    declare(tree, after)
    [plan] = make_plans([tree.task("shop.orders")], tree.warehouse)
    expected = f"rows are found by {becomes}, and those of the table were by {was}: "
    assert [one for one in plan.changes if one.startswith(expected)]
    assert [one for one in tree.load("shop.orders").warnings if f"the key has changed: {expected}" in one]
    assert not [one for one in tree.load("shop.orders").warnings if "the key has changed" in one]
    assert not make_plans([tree.task("shop.orders")], tree.warehouse)[0].changes
