"""PostgreSQL: a cursor loses no row and doubles none there either."""

import json
from typing import Any

import pytest

from tests.support.postgres_server import PostgresTree
from tests.support.typed_rows import TypedRows

Row = dict[str, Any]


@pytest.fixture
def tree(postgres_tree: PostgresTree) -> PostgresTree:
    """The tree that `TypedRows` takes."""
    return postgres_tree


def cursor(**settings: Any) -> str:
    """Returns the key `incremental` of a cursor in the column `at`."""
    return f"incremental: {json.dumps({'cursor_path': 'at', **settings})}"


def load(source: TypedRows, *pages: list[Row], **options: Any) -> list[Any]:
    """Loads pages and returns the table."""
    source.load(*pages, **options)
    return source.tree.query("select id, v from raw.rows order by id, v")


@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_a_merge_takes_what_has_changed_and_the_newest(tree: PostgresTree, way: str) -> None:
    """A change within the stored value lands, and of two versions of a key the newest."""
    source = TypedRows(tree, way, f"write_disposition: merge, primary_key: id, {cursor(initial_value='2024-01-01')}")
    assert load(source, [{"id": 1, "v": 1, "at": "2024-01-02"}]) == [(1, 1)]
    assert load(source, [{"id": 1, "v": 2, "at": "2024-01-02"}]) == [(1, 2)]
    versions = [{"id": 1, "v": version, "at": f"2024-02-0{version}"} for version in (3, 5, 4)]
    assert load(source, versions) == [(1, 5)]


@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_an_append_replaces_what_it_reads_again(tree: PostgresTree, way: str) -> None:
    """A cursor that is added later, one with lag, and many rows of one value leave each row once."""
    source = TypedRows(tree, way, "write_disposition: append")
    rows: list[Row] = [{"id": number, "v": 1, "at": number} for number in (1, 5, 6)]
    load(source, rows)
    source.configure(f"write_disposition: append, {cursor()}")
    assert load(source, rows[1:]) == [(1, 1), (5, 1), (6, 1)]
    source.configure(f"write_disposition: append, {cursor(lag=1)}")
    assert load(source, [{"id": 6, "v": 2, "at": 6}, {"id": 7, "v": 2, "at": 5}]) == [(1, 1), (6, 2), (7, 2)]
    source.configure(f"write_disposition: append, {cursor()}")
    many = [{"id": number, "v": 3, "at": 9} for number in range(10, 1000)]
    assert len(load(source, many)) == len(load(source, many)) == 993
    assert len(load(source, [*many, {"id": 1000, "v": 3, "at": 9}])) == 994
