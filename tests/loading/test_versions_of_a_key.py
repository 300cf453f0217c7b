"""Versions (scd2) by a merge_key of two columns: each load ends the versions of its own keys, and no others."""

import random
from typing import Any

import pytest

from tests.support.trees import Tree
from tests.support.typed_rows import TypedRows

SETTINGS = (
    "write_disposition: {disposition: merge, strategy: scd2}, merge_key: [area, code], "
    "columns: {code: {data_type: text, nullable: true}}"
)
AREAS, CODES = ("a", "ab", "", "a|"), ("bc", "c", "|b", "", None)
"""Values of which several pairs are the same text, one after the other."""

Version = tuple[str, str | None, int, tuple[int, ...]]


def draw_rows(chance: random.Random) -> list[Version]:
    """Returns rows of a load, several of a key among them: area, code, state, and the numbers of its parts."""
    drawn = {
        (chance.choice(AREAS), chance.choice(CODES), chance.randint(1, 2), tuple(chance.choices((1, 2), k=parts)))
        for parts in (0, 0, 1, 2, 0, 1)
    }
    return sorted(drawn, key=repr)


def as_row(version: Version) -> dict[str, Any]:
    """Returns the row that an entry yields."""
    area, code, state, parts = version
    return {"area": area, "code": code, "state": state, "parts": [{"number": number} for number in parts]}


def current(tree: Tree) -> list[Version]:
    """Returns the current versions of the table."""
    parts: dict[str, list[int]] = {}
    tables = "select count(*) from information_schema.tables where table_name = 'rows__parts'"
    if tree.query(tables) != [0]:
        for row, number in tree.query('select "_dlt_parent_id", number from raw.rows__parts order by "_dlt_list_idx"'):
            parts.setdefault(row, []).append(number)
    found = tree.query('select area, code, state, "_dlt_id" from raw.rows where "_dlt_valid_to" is null')
    return sorted(((area, code, state, tuple(parts.get(row, ()))) for area, code, state, row in found), key=repr)


@pytest.mark.sampled(29)
@pytest.mark.parametrize("way", ["dicts", "dlt"])
@pytest.mark.parametrize("seed", range(7))
def test_each_load_ends_the_versions_of_its_keys(any_tree: Tree, way: str, seed: int) -> None:
    """The current versions are those of the newest load of each key; no version is written twice or is lost."""
    chance = random.Random(seed)  # noqa: S311 - reproducible
    source, expected, versions = TypedRows(any_tree, way, SETTINGS), list[Version](), 0
    for _ in range(4):
        rows = draw_rows(chance)
        source.load(list(map(as_row, rows)))
        versions += len(set(rows) - set(expected))
        loaded = {row[:2] for row in rows}
        expected = sorted([*rows, *(version for version in expected if version[:2] not in loaded)], key=repr)
        assert current(any_tree) == expected
        assert any_tree.query("select count(*) from raw.rows") == [versions]
