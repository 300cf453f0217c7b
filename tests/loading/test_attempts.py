"""Loads of one resource into DuckDB: dispositions, cursors, failures, refreshes, samples."""

import gc
import shutil
from typing import Any

import dlt
import pytest

from data_foundation.errors import LoadError, NoRows, RequiredColumnsMissing
from tests.support.trees import Tree

FAILING = """
def get_rows():
    yield [{"id": 1, "at": "2024-02-01"}]
    raise ValueError("the vendor hung up")
"""
CURSOR = "incremental: {cursor_path: at, initial_value: '2024-01-01'}"


def add_orders(tree: Tree, *settings: str) -> None:
    """Writes source `shop` with the table `orders`; `tree.give` sets its rows."""
    lines = "\n".join(f"    {line}" for line in ("destination: raw.orders", *settings))
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{lines}\n")


def fail_once(tree: Tree, **options: Any) -> LoadError:
    """Loads `orders` with an entry that fails after a row, then restores the working entry."""
    data = tree.root / "dlthub" / "shop" / "data.py"
    working = data.read_text()
    data.write_text(FAILING)
    with pytest.raises(LoadError) as failed:
        tree.load("shop.orders", **options)
    data.write_text(working)
    return failed.value


def test_append_adds_rows(tree: Tree) -> None:
    """Append adds the new rows to the table."""
    add_orders(tree, "write_disposition: append")
    for rows in ([{"id": 1}, {"id": 2}], [{"id": 3}]):
        tree.give("shop", rows)
        result = tree.load("shop.orders")
        assert result.rows == len(rows)
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3]
    assert result.row_count == 3


def test_replace_leaves_only_the_last_rows(tree: Tree) -> None:
    """Replace leaves the rows of the last load, also in nested tables."""
    add_orders(tree, "write_disposition: replace")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}, {"n": 2}]}, {"id": 2}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 3, "lines": [{"n": 3}]}])
    result = tree.load("shop.orders")
    assert tree.query("select id from raw.orders") == [3]
    assert tree.query("select n from raw.orders__lines") == [3]
    assert (result.row_count, result.children) == (1, {"orders__lines": 1})


@pytest.mark.parametrize(
    "disposition", ["merge", "{disposition: merge, strategy: upsert}", "{disposition: merge, strategy: delete-insert}"]
)
def test_merge_replaces_rows_of_the_same_key(tree: Tree, disposition: str) -> None:
    """Merge and upsert replace the row of a key with its nested rows, and add new keys."""
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id")
    tree.give("shop", [{"id": 1, "state": "new", "lines": [{"n": 1}, {"n": 2}]}, {"id": 2, "state": "new"}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 1, "state": "paid", "lines": [{"n": 9}]}, {"id": 3, "state": "new"}])
    tree.load("shop.orders")
    assert tree.query("select id, state from raw.orders order by id") == [(1, "paid"), (2, "new"), (3, "new")]
    assert tree.query("select n from raw.orders__lines") == [9]


def test_scd2_keeps_the_history_of_a_row(tree: Tree) -> None:
    """The old version of a row is kept, with an end, beside the new version."""
    add_orders(tree, "write_disposition: {disposition: merge, strategy: scd2}")
    for state in ("new", "paid"):
        tree.give("shop", [{"id": 1, "state": state}, {"id": 2, "state": "new"}])
        tree.load("shop.orders")
    query = "select id, state, _dlt_valid_to is null from raw.orders order by id, state"
    assert tree.query(query) == [(1, "new", False), (1, "paid", True), (2, "new", True)]


def test_insert_only_never_changes_a_row(tree: Tree) -> None:
    """Insert-only adds unknown keys and does not change rows of known keys."""
    add_orders(tree, "write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id")
    tree.give("shop", [{"id": 1, "state": "new"}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 1, "state": "paid"}, {"id": 2, "state": "new"}])
    tree.load("shop.orders")
    assert tree.query("select id, state from raw.orders order by id") == [(1, "new"), (2, "new")]


@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_loading_the_same_rows_again_changes_nothing(tree: Tree, disposition: str) -> None:
    """A second run over the same rows does not change the table: by cursor, by key, or by replacing."""
    cursor = () if disposition == "replace" else (CURSOR,)
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id", *cursor)
    tree.give("shop", [{"id": n, "at": f"2024-01-0{n}", "lines": [{"n": n}]} for n in range(1, 5)])
    tree.load("shop.orders")
    result = tree.load("shop.orders")
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3, 4]
    assert tree.query("select n from raw.orders__lines order by n") == [1, 2, 3, 4]
    assert (result.row_count, result.children) == (4, {"orders__lines": 4})


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_fresh_machine_continues_where_the_last_one_stopped(tree: Tree, disposition: str) -> None:
    """The cursor is stored in the warehouse: without a working folder the next run continues without duplicates."""
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id", CURSOR)
    rows = [{"id": n, "at": f"2024-01-0{n}", "lines": [{"n": n}]} for n in range(1, 4)]
    tree.give("shop", rows)
    tree.load("shop.orders")
    shutil.rmtree(tree.warehouse.work_folder)
    tree.give("shop", [*rows, {"id": 4, "at": "2024-01-04", "colour": "red", "lines": []}])
    result = tree.load("shop.orders")
    assert (result.rows, result.cursor) == (1, ("2024-01-03", "2024-01-04"))
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3, 4]
    assert result.schema_changes == {"orders": ("colour",)}
    assert result.children == {"orders__lines": 3}


def test_nested_tables_are_found_by_their_parents(tree: Tree) -> None:
    """Nested tables are found by the links in the schema; a table with a similar name is not counted."""
    tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, destination: raw.orders, write_disposition: replace}
          - {entry: data.get_rows, destination: raw.orders__lines__archive, write_disposition: replace}
        """,
    )
    tree.give("shop", [{"id": 1, "lines": [{"n": 1, "taxes": [{"rate": 1}, {"rate": 2}]}]}])
    archive = tree.load("shop.orders__lines__archive")
    orders = tree.load("shop.orders")
    assert archive.children == {"orders__lines__archive__lines": 1, "orders__lines__archive__lines__taxes": 2}
    assert orders.children == {"orders__lines": 1, "orders__lines__taxes": 2}
    assert archive.row_count == orders.row_count == 1


@pytest.mark.parametrize(
    ("table", "landed"),
    [
        pytest.param("a__b", "a__b", id="double underscore"),
        pytest.param("__a", "a", id="leading underscores"),
        pytest.param("select", "select", id="reserved word"),
        pytest.param("OrderLines", "order_lines", id="camel case"),
        pytest.param("2024", "_2024", id="number"),
        pytest.param("with-dash", "with_dash", id="dash"),
        pytest.param("x" * 120, "x" * 120, id="long"),
    ],
)
def test_a_table_may_have_any_name(tree: Tree, table: str, landed: str) -> None:
    """Rows land in the table of the asset key, whatever its name, also in a second load."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: 'raw.{table}', write_disposition: append}}]")
    tree.give("shop", [{"from": 1, "größe": 2, "select": [{"table": 1}]}])
    tree.load(f"shop.{table}")
    result = tree.load(f"shop.{table}")
    assert result.table == f"warehouse.raw.{landed}"
    assert (result.rows, result.row_count) == (1, 2)
    assert tree.query(f'select "from" from raw."{landed}"') == [1, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("raw.x__y", "raw__x.y"), ("raw.a_b", "raw.a__b"), ("raw.orders", "raw.orders_pipeline"), ("raw.a", "raw.a_")],
)
def test_tables_with_similar_names_are_separate(tree: Tree, one: str, other: str) -> None:
    """Tables have separate cursors and columns, even if dlt would join or shorten their names to the same one."""
    cursor = "write_disposition: append, incremental: {cursor_path: id}"
    tree.add(
        "shop",
        f"""
        resources:
          - {{entry: data.get_rows, destination: {one}, {cursor}}}
          - {{entry: data.get_rows, destination: {other}, {cursor}}}
        """,
    )
    for name, column in ((one, "red"), (other, "blue")) * 2:
        tree.give("shop", [{"id": 1, column: 1, f"{column}s": [1]}])
        result = tree.load(f"shop.{name}")
        assert [c for c in result.columns if not c.startswith("_dlt")] == ["id", column]
        assert (result.row_count, list(result.children.values())) == (1, [1])


def test_a_replace_without_rows_keeps_the_table(tree: Tree) -> None:
    """`on_empty: keep`, the default, keeps the rows, with a warning."""
    add_orders(tree, "write_disposition: replace")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [])
    result = tree.load("shop.orders")
    assert (result.rows, result.row_count, result.children) == (0, 1, {"orders__lines": 1})
    assert "keeps its rows" in result.warnings[0]
    assert tree.query("select id from raw.orders") == [1]


def test_a_replace_without_rows_may_truncate(tree: Tree) -> None:
    """`on_empty: truncate` empties the table and its nested tables."""
    add_orders(tree, "write_disposition: replace", "on_empty: truncate")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [])
    result = tree.load("shop.orders")
    assert (result.rows, result.row_count, result.children) == (0, 0, {"orders__lines": 0})


def test_a_replace_without_rows_may_fail(tree: Tree) -> None:
    """`on_empty: fail` fails and keeps the table; the next load with rows succeeds."""
    add_orders(tree, "write_disposition: replace", "on_empty: fail")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    tree.give("shop", [])
    with pytest.raises(NoRows, match=r"raw.orders: .* as it was"):
        tree.load("shop.orders")
    assert tree.query("select id from raw.orders") == [1]
    tree.give("shop", [{"id": 2}])
    assert tree.load("shop.orders").row_count == 1
    assert tree.query("select id from raw.orders") == [2]


@pytest.mark.parametrize("on_empty", ["keep", "truncate"])
def test_a_first_load_may_be_empty(tree: Tree, on_empty: str) -> None:
    """A first load without rows loads 0 rows."""
    add_orders(tree, "write_disposition: replace", f"on_empty: {on_empty}")
    tree.give("shop", [])
    result = tree.load("shop.orders")
    assert result.rows == 0
    assert result.row_count in (None, 0)


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_load_without_rows_changes_nothing(tree: Tree, disposition: str) -> None:
    """Append and merge without rows change nothing and count 0."""
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    tree.give("shop", [])
    result = tree.load("shop.orders")
    assert (result.rows, result.row_count, result.warnings) == (0, 1, ())


def test_required_columns_must_exist(tree: Tree) -> None:
    """Rows without a required column fail before anything is written; the load with the column creates the table."""
    add_orders(tree, "requires: [id, ownerName]")
    tree.give("shop", [{"id": 1}])
    with pytest.raises(RequiredColumnsMissing, match=r"the rows lack ownerName.* they have id"):
        tree.load("shop.orders")
    assert tree.query("select table_name from information_schema.tables where table_name = 'orders'") == []
    tree.give("shop", [{"id": 1, "ownerName": "Ann"}])
    assert tree.load("shop.orders").row_count == 1


def test_a_required_column_that_disappears_fails_the_load(tree: Tree) -> None:
    """A required column that the rows lose fails the load; table and cursor do not change."""
    add_orders(tree, "write_disposition: merge", "primary_key: id", "requires: [owner]", CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-02", "owner": "Ann"}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-03"}])
    with pytest.raises(RequiredColumnsMissing):
        tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-03", "owner": "Bob"}])
    result = tree.load("shop.orders")
    assert (result.rows, result.cursor, result.warnings) == (1, ("2024-01-02", "2024-01-03"), ())
    assert tree.query("select owner from raw.orders order by id") == ["Ann", "Bob"]


@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_an_entry_that_fails_half_way_does_not_change_the_table(tree: Tree, disposition: str) -> None:
    """Rows yielded before the failure do not land, the cursor is unchanged, and the message has the line."""
    cursor = () if disposition == "replace" else (CURSOR,)
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id", *cursor)
    tree.give("shop", [{"id": 7, "at": "2024-01-07"}])
    tree.load("shop.orders")
    error = fail_once(tree)
    assert str(error).splitlines() == [
        "raw.orders failed while extracting at dlthub/shop/data.py:4 in get_rows: ValueError: the vendor hung up",
        "  Hint: nothing was written; `foundation preview shop.orders` shows what the entry yields",
        f"  Traceback: {tree.warehouse.work_folder / 'raw-orders.traceback.txt'}",
    ]
    assert tree.query("select id from raw.orders") == [7]
    tree.give("shop", [{"id": 8, "at": "2024-01-08"}])
    assert tree.load("shop.orders").warnings == ()
    assert tree.query("select max(id) from raw.orders") == [8]


def break_table(tree: Tree) -> None:
    """Replaces `orders` by a view, so that the next load fails in the warehouse."""
    tree.query("alter table raw.orders rename to orders_away")
    tree.query("create view raw.orders as select 1 as id")


def mend_table(tree: Tree) -> None:
    """Reverts `break_table`."""
    tree.query("drop view raw.orders")
    tree.query("alter table raw.orders_away rename to orders")


@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_a_pending_load_is_finished_first(tree: Tree, disposition: str) -> None:
    """A pending load is finished first, then the new rows are loaded in the same run."""
    cursor = () if disposition == "replace" else (CURSOR,)
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id", *cursor)
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    tree.load("shop.orders")
    break_table(tree)
    tree.give("shop", [{"id": 2, "at": "2024-01-02"}])
    with pytest.raises(LoadError, match=r"raw\.orders failed while loading"):
        tree.load("shop.orders")
    mend_table(tree)
    tree.give("shop", [{"id": 3, "at": "2024-01-03"}])
    tree.load("shop.orders")
    expected = [3] if disposition == "replace" else [1, 2, 3]
    assert tree.query("select id from raw.orders order by id") == expected


@pytest.mark.parametrize("refresh", ["state", "drop"])
@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_a_refresh_equals_a_first_load(tree: Tree, disposition: str, refresh: str) -> None:
    """After a refresh the table and its nested tables equal those of a first load."""
    cursor = () if disposition == "replace" else (CURSOR,)
    add_orders(tree, f"write_disposition: {disposition}", "primary_key: id", *cursor)
    tree.give("shop", [{"id": n, "at": f"2024-01-0{n}", "lines": [{"n": n}]} for n in range(1, 4)])
    tree.load("shop.orders")
    result = tree.load("shop.orders", refresh=refresh)
    assert (result.rows, result.row_count, result.children) == (3, 3, {"orders__lines": 3})
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3]
    assert tree.load("shop.orders").row_count == 3


def test_a_refresh_requests_all_rows(tree: Tree) -> None:
    """The entry is called with the initial value, not with the stored cursor."""
    data = """
        def get_rows(since):
            yield [{"id": n, "at": f"2024-01-0{n}"} for n in range(1, 4) if f"2024-01-0{n}" >= since]
        """
    add_orders(tree, "write_disposition: append", "primary_key: id", CURSOR, "args: ['{{ partition.start }}']")
    tree.add("shop", (tree.root / "dlthub" / "shop" / "sources.yaml").read_text(), data)
    tree.load("shop.orders")
    for refresh in ("state", "drop"):
        assert tree.load("shop.orders", refresh=refresh).rows == 3
        assert tree.query("select id from raw.orders order by id") == [1, 2, 3]


@pytest.mark.parametrize("refresh", ["state", "drop"])
def test_a_refresh_that_fails_changes_nothing(tree: Tree, refresh: str) -> None:
    """If the entry fails, table and cursor do not change, and the next run continues."""
    add_orders(tree, "write_disposition: append", "primary_key: id", CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    tree.load("shop.orders")
    fail_once(tree, refresh=refresh)
    assert tree.query("select id from raw.orders") == [1]
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}, {"id": 2, "at": "2024-01-02"}])
    assert tree.load("shop.orders").rows == 1
    assert tree.query("select id from raw.orders order by id") == [1, 2]


def test_a_dropped_schema_is_loaded_again(tree: Tree) -> None:
    """If the whole schema was dropped in the warehouse, the next run loads everything again."""
    add_orders(tree, "write_disposition: append", "primary_key: id", CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    tree.load("shop.orders")
    tree.query("drop schema raw cascade")
    assert tree.load("shop.orders").row_count == 1


def test_a_load_after_a_contract_violation_succeeds(tree: Tree) -> None:
    """Rows that violate the schema contract are not loaded; the next valid load needs no manual step."""
    contract = "schema_contract: {data_type: freeze}"
    add_orders(tree, "write_disposition: merge", "primary_key: id", contract, CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "price": 1}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-02", "price": "dear"}])
    with pytest.raises(LoadError, match="price"):
        tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-02", "price": 2}])
    assert tree.load("shop.orders").rows == 1
    assert tree.query("select price from raw.orders order by id") == [1, 2]


def test_rows_within_the_lag_are_read_again(tree: Tree) -> None:
    """Rows within `lag` before the cursor are read again and replaced."""
    lagging = CURSOR.replace("}", ", lag: 2}")
    add_orders(tree, "write_disposition: merge", "primary_key: id", lagging)
    for likes in (1, 2):
        tree.give("shop", [{"id": n, "at": f"2024-01-0{n}", "likes": likes} for n in range(1, 6)])
        tree.load("shop.orders")
    assert tree.query("select likes from raw.orders order by id") == [1, 1, 2, 2, 2]


WITH_REQUEST = '''
import dlt


def get_rows():
    """Yields the request of the run, for three days."""
    asked = dlt.current.resource_metrics()["asked"]
    yield [{"day": f"2024-01-0{number}", "asked": asked, "number": number} for number in (1, 2, 3)]
'''


@pytest.mark.parametrize(
    ("options", "requested"),
    [
        pytest.param({}, "", id="ordinary run"),
        pytest.param({"start": "2024-01-01", "end": "2024-01-04"}, "range", id="range"),
        pytest.param({"limit": 3}, "sample", id="sample"),
    ],
)
def test_the_request_of_a_run_is_in_the_metrics(tree: Tree, options: dict[str, Any], requested: str) -> None:
    """`resource_metrics()["asked"]` is the kind of request, for entries that keep their own position."""
    settings = "write_disposition: merge, merge_key: day, partitions: {by: daily, start: 2024-01-01}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.days, {settings}}}]", WITH_REQUEST)
    result = tree.load("shop.days", **options)
    assert tree.query("SELECT DISTINCT asked FROM raw.days") == [requested]
    assert result.warnings == ()


def test_a_finished_load_is_freed(tree: Tree) -> None:
    """No pipeline of a finished load stays in memory."""
    add_orders(tree)
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    for _ in range(3):
        tree.load("shop.orders")
    gc.collect()
    kept = sum(isinstance(found, dlt.Pipeline) for found in gc.get_objects())
    tree.load("shop.orders")
    gc.collect()
    # The newest pipeline is dlt's current one.
    assert sum(isinstance(found, dlt.Pipeline) for found in gc.get_objects()) == kept
