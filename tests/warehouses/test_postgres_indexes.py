"""The indexes by which loads into PostgreSQL find the rows of their keys."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.support.postgres_server import PostgresTree

MERGE = "write_disposition: merge"
UPSERT = "write_disposition: {disposition: merge, strategy: upsert}"
SCD2 = "write_disposition: {disposition: merge, strategy: scd2}, merge_key: id"
INSERT_ONLY = "write_disposition: {disposition: merge, strategy: insert-only}"
INDEXES = (
    "select tablename, regexp_replace(indexdef, '.* USING ', '') from pg_indexes "
    "where schemaname = 'raw' and indexname like 'foundation%' order by 1, 2"
)
OF_MERGE = [("orders", "btree (_dlt_load_id)"), ("orders", "btree (id)")]
LONG = ["".join(chr(0x4E00 + (place * 7919 + start) % 20000) for place in range(3000)) for start in range(3)]
"""Texts of 9,000 bytes that do not compress to the 2,704 which an index takes."""


@pytest.fixture
def tree(postgres_tree: PostgresTree) -> PostgresTree:
    """An empty checkout with an empty database."""
    return postgres_tree


def load(tree: PostgresTree, rows: list[dict[str, Any]], settings: str, key: str = "id") -> Any:
    """Loads rows into raw.orders."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, primary_key: {key}, {settings}}}]")
    tree.give("shop", rows)
    return tree.load("shop.orders")


def drop_indexes(tree: PostgresTree) -> None:
    """Drops the indexes of the loads."""
    for name in tree.query("select indexname from pg_indexes where indexname like 'foundation%'"):
        tree.query(f'drop index raw."{name}"')


@pytest.mark.parametrize("settings", [MERGE, UPSERT, INSERT_ONLY, SCD2], ids=["merge", "upsert", "insert-only", "scd2"])
def test_a_table_gets_indexes_with_its_first_load_and_keeps_them(tree: PostgresTree, settings: str) -> None:
    """The key and the id of the load are indexed once, however often the table is loaded."""
    for state in ("old", "new"):
        load(tree, [{"id": 1, "state": state}], settings)
        assert tree.query(INDEXES) == OF_MERGE


def test_nested_rows_are_found_by_the_row_that_they_belong_to(tree: PostgresTree) -> None:
    """The ids by which a merge deletes and finds nested rows are indexed, in every nested table."""
    load(tree, [{"id": 1, "lines": [{"n": 1, "taxes": [{"rate": 5}]}]}], MERGE)
    nested = [("orders__lines", "_dlt_id"), ("orders__lines", "_dlt_root_id")]
    nested += [("orders__lines__taxes", "_dlt_id"), ("orders__lines__taxes", "_dlt_root_id")]
    expected = sorted([*OF_MERGE, ("orders", "btree (_dlt_id)"), *((name, f"btree ({of})") for name, of in nested)])
    assert sorted(tree.query(INDEXES)) == expected


def test_a_table_that_was_loaded_without_indexes_gets_them_and_one_of_the_users_serves(tree: PostgresTree) -> None:
    """The next load of an existing table creates what is missing; a unique index on the key is not doubled."""
    load(tree, [{"id": 1}], MERGE)
    drop_indexes(tree)
    tree.query("create unique index of_the_user on raw.orders (id)")
    assert load(tree, [{"id": 1}, {"id": 2}], MERGE).row_count == 2
    assert tree.query(INDEXES) == [("orders", "btree (_dlt_load_id)")]


@pytest.mark.parametrize(("key", "left"), [("id", "hash (id)"), ("[id, part]", "btree (id, part) WHERE false")],
                         ids=["one column", "two columns"])  # fmt: skip
def test_keys_too_long_for_an_index_are_loaded(tree: PostgresTree, key: str, left: str) -> None:
    """Keys that no B-tree takes are loaded all the same, first into an index of short ones, and then again."""
    rows = [{"id": text, "part": 1, "state": "old"} for text in ("short", *LONG)]
    for state in ("old", "new", "newer"):
        given = [{**row, "state": state} for row in (rows[:1] if state == "old" else rows)]
        assert load(tree, given, MERGE, key).row_count == len(given)
    assert tree.query("select distinct state from raw.orders") == ["newer"]
    assert tree.query(INDEXES) == [("orders", "btree (_dlt_load_id)"), ("orders", left)]


def test_a_long_value_is_appended_to_a_table_that_was_merged_by_it(tree: PostgresTree) -> None:
    """The index of an earlier merge does not refuse the rows of an append."""
    load(tree, [{"id": "short"}], MERGE)
    assert load(tree, [{"id": text} for text in LONG], "write_disposition: append").row_count == 4
    assert tree.query(INDEXES) == []


def test_a_role_that_does_not_own_the_table_loads(tree: PostgresTree) -> None:
    """Without the right to create an index, the load reads the table, and succeeds."""
    load(tree, [{"id": 1}], MERGE)
    drop_indexes(tree)
    user, password = "loader_of_others", tree.settings["POSTGRES_PASSWORD"].replace("'", "''")
    tree.query(f"create role {user} login password '{password}'")
    for schema in ("raw", "raw_staging"):
        tree.query(f"grant all on schema {schema} to {user}; grant all on all tables in schema {schema} to {user}")
    loader = PostgresTree(tree.root, settings={**tree.settings, "POSTGRES_USER": user})
    assert load(loader, [{"id": 1}, {"id": 2}], MERGE).row_count == 2
    assert tree.query(INDEXES) == []


def test_a_load_does_not_wait_for_a_session_that_has_written_to_its_table(tree: PostgresTree) -> None:
    """While a transaction of another program is open, the load lands without indexes, and a later one creates them."""
    load(tree, [{"id": 1}], MERGE)
    drop_indexes(tree)
    with closing(psycopg2.connect(**tree.warehouse._parameters())) as session:
        with session.cursor() as cursor:
            cursor.execute("insert into raw.orders (id, _dlt_id, _dlt_load_id) values (7, 'by hand', '0')")
        assert load(tree, [{"id": 1}, {"id": 2}], MERGE).row_count == 2
        session.commit()
    assert tree.query(INDEXES) == []
    assert load(tree, [{"id": 3}], MERGE).row_count == 4
    assert tree.query(INDEXES) == OF_MERGE
