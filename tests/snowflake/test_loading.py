"""Tests of loads into Snowflake: statements, stages, types and transactions."""

import json
import re
import threading
import time
import tomllib
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from datetime import time as clock
from decimal import Decimal
from typing import Any

import pytest

from data_foundation.errors import LoadError
from data_foundation.loading.attempts import load_resource
from data_foundation.rows import page_buffer
from data_foundation.warehouses.settings import build_warehouse
from tests.snowflake.conftest import ROOT, Account, SnowflakeTree
from tests.support.snowflake_statements import statements_of
from tests.support.stopped_loads import check_stop_before_commit

ONE = "resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]"
APPEND = "write_disposition: append"
REPLACE = "write_disposition: replace"
MERGE = "write_disposition: merge, primary_key: id"


def test_a_load_changes_all_tables_in_one_transaction(tree: SnowflakeTree) -> None:
    """Between BEGIN and COMMIT are the rows, child rows, state and the record of the load, and no DDL."""
    tree.add("shop", ONE.format(settings=f"{MERGE}, incremental: {{cursor_path: at}}"))
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "tags": [{"name": "a"}]}])
    statements = statements_of(tree, lambda: tree.load("shop.orders"))
    commit = statements.index("COMMIT")
    begin = commit - statements[commit::-1].index("BEGIN")
    inside, outside = statements[begin + 1 : commit], statements[:begin] + statements[commit + 1 :]
    assert not [sql for sql in inside if sql.startswith(("CREATE", "ALTER", "DROP", "TRUNCATE", "PUT", "REMOVE"))]
    raw = tree.deployed.dataset("raw").upper()
    changed = [sql for sql in outside if sql.startswith(("COPY", "INSERT", "DELETE", "UPDATE", "MERGE"))]
    assert [
        sql for sql in changed if f'"{raw}".' in sql and not re.search("_DLT_VERSION|_LOAD_AUDIT|_LOAD_LOCKS", sql)
    ] == []
    for table in ("ORDERS", "ORDERS__TAGS", "_DLT_PIPELINE_STATE", "_DLT_LOADS"):
        assert [sql for sql in inside if f'INTO "{raw}"."{table}"' in sql], table


def test_staged_files_are_removed(tree: SnowflakeTree) -> None:
    """After a load, the stage is empty, even if an earlier attempt failed."""
    tree.add("shop", ONE.format(settings=MERGE))
    tree.give("shop", [{"id": 1, "tags": ["a"]}])
    tree.load("shop.orders")
    for schema in (tree.deployed.dataset("raw"), f"{tree.deployed.dataset('raw')}_staging"):
        for table in ("ORDERS", "ORDERS__TAGS"):
            assert tree.query(f'LIST @"{schema.upper()}"."%{table}"') == []


def test_json_is_a_variant(tree: SnowflakeTree) -> None:
    """A column of dlt's type json is a VARIANT that paths can query, in replaced and in merged tables."""
    for settings in (APPEND, REPLACE, MERGE):
        table = settings.split()[1].rstrip(",")
        document = "columns: {doc: {data_type: json}}"
        yaml = f"resources: [{{entry: data.get_rows, destination: raw.{table}, {settings}, {document}}}]"
        tree.add(table, yaml)
        tree.give(table, [{"id": 1, "doc": {"a": {"b": [1, 2]}}}, {"id": 2, "doc": None}])
        tree.load(f"{table}.{table}")
        found = f"select id, doc:a.b[1]::int, doc::varchar from raw.{table} order by id"
        assert tree.query(found) == [(1, 2, '{"a":{"b":[1,2]}}'), (2, None, None)], settings


TYPES = '''
import datetime as dt
from decimal import Decimal

import pyarrow as pa

ROW = {{
    "id": 1, "label": "quoted \\"x\\", comma, back\\\\slash, new\\nline, é, 名前", "empty": "", "nothing": None,
    "amount": Decimal("12345678901234567.123456789"), "ratio": 1.5,
    "big": 9223372036854775807, "small": -9223372036854775808,
    "yes": True, "day": dt.date(1900, 2, 28), "moment": dt.datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=dt.UTC),
    "clock": dt.time(23, 59, 59, 123456), "raw_bytes": b"\\x00\\xff\\x10", "early": dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    "late": dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
}}


def get_rows():
    """One value of each type."""
    yield [ROW, {{"id": 2}}]


def get_arrow():
    """The same rows as an Arrow table."""
    yield pa.Table.from_pylist([{{**ROW, "nothing": "x"}}, {{name: None for name in ROW}} | {{"id": 2}}])
'''


@pytest.mark.parametrize("entry", ["get_rows", "get_arrow"])
def test_values_are_read_back_unchanged(tree: SnowflakeTree, entry: str) -> None:
    """Text, extreme numbers, times to the microsecond, bytes and NULL are read back unchanged."""
    tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.orders}}]", TYPES.format())
    tree.load("shop.orders")
    columns = "label, empty, amount, ratio, big, small, yes, day, clock, raw_bytes"
    assert tree.query(f"select {columns} from raw.orders where id = 1") == [
        ('quoted "x", comma, back\\slash, new\nline, é, 名前', "", Decimal("12345678901234567.123456789"), 1.5,
         9223372036854775807, -9223372036854775808, True, date(1900, 2, 28), clock(23, 59, 59, 123456), b"\x00\xff\x10")
    ]  # fmt: skip
    times = ", ".join(
        f"to_varchar(convert_timezone('UTC', {name}), 'YYYY-MM-DD HH24:MI:SS.FF6')"
        for name in ("moment", "early", "late")
    )
    assert tree.query(f"select {times} from raw.orders where id = 1") == [
        ("2024-02-29 23:59:59.123456", "0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.000000")
    ]
    assert tree.query(f"select {columns}, moment from raw.orders where id = 2") == [(None,) * 11]


@pytest.mark.rare
def test_a_replaced_table_is_never_empty_to_a_reader(tree: SnowflakeTree, account: Account) -> None:
    """A reader that queries all the time sees all old rows or all new ones, and the table is not recreated."""
    tree.add("shop", ONE.format(settings=REPLACE))
    tree.give("shop", [{"id": number, "tags": ["a"]} for number in range(20)])
    tree.load("shop.orders")
    seen, done = set(), threading.Event()
    query = "select (select count(*) from raw.orders), (select count(*) from raw.orders__tags)"

    def look() -> None:
        while not done.is_set():
            seen.add(tree.query(query)[0])

    reader = threading.Thread(target=look)
    reader.start()
    for size in (30, 40, 50):
        tree.give("shop", [{"id": number, "tags": ["a"]} for number in range(size)])
        tree.load("shop.orders")
    done.set()
    reader.join()
    assert seen <= {(size, size) for size in (20, 30, 40, 50)}
    assert account.query("select 1") == [(1,)]


def test_a_failed_replace_leaves_the_table_unchanged(tree: SnowflakeTree) -> None:
    """A load that fails in Snowflake changes nothing that readers see."""
    tree.add("shop", ONE.format(settings=f"{REPLACE}, columns: {{name: {{data_type: text, nullable: false}}}}"))
    tree.give("shop", [{"id": 1, "name": "a"}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "name": "b"}, {"id": 3}])
    with pytest.raises(LoadError):
        tree.load("shop.orders")
    assert tree.query("select id, name from raw.orders") == [(1, "a")]


def test_a_range_that_is_appended_again_is_not_duplicated(tree: SnowflakeTree) -> None:
    """A range that is loaded again replaces its rows and their child rows, in the transaction of the load."""
    tree.add("shop", ONE.format(settings=f"{APPEND}, incremental: {{cursor_path: at}}"))
    rows = [{"id": day, "at": f"2024-01-0{day}", "tags": ["a"]} for day in (1, 2, 3)]
    tree.give("shop", rows)
    tree.load("shop.orders")
    tree.give("shop", [{**rows[1], "tags": ["b", "c"]}])
    tree.load("shop.orders", start="2024-01-02", end="2024-01-03")
    assert tree.query("select id from raw.orders order by 1") == [1, 2, 3]
    assert tree.query("select value from raw.orders__tags order by 1") == ["a", "a", "b", "c"]


@pytest.mark.parametrize(("refresh", "expected"), [("state", [1, 2]), ("drop", [1, 2])])
def test_refresh_loads_all_rows_again(tree: SnowflakeTree, refresh: Any, expected: list[int]) -> None:
    """`refresh` resets the cursor, and rows that are loaded again are not duplicated."""
    tree.add("shop", ONE.format(settings=f"{APPEND}, incremental: {{cursor_path: at}}"))
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}, {"id": 2, "at": "2024-01-02"}])
    tree.load("shop.orders")
    tree.load("shop.orders", refresh=refresh)
    assert tree.query("select id from raw.orders order by 1") == expected


def test_columns_are_added_later_and_may_change_their_type(tree: SnowflakeTree) -> None:
    """A new column is added; a value of another type gets a variant column; old rows have NULL there."""
    tree.add("shop", ONE.format(settings=APPEND))
    tree.give("shop", [{"id": 1, "price": 1}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "price": "much", "colour": "red"}])
    changes = tree.load("shop.orders").schema_changes
    assert set(changes["orders"]) == {"price__v_text", "colour"}
    found = tree.query("select id, price, price__v_text, colour from raw.orders order by id")
    assert found == [(1, 1, None, None), (2, None, "much", "red")]


def test_cluster_by_sets_the_clustering_key(tree: SnowflakeTree) -> None:
    """`cluster_by` sets the clustering key of the table, and of no child table."""
    settings = f"{APPEND}, cluster_by: [region, at]"
    tree.add("shop", ONE.format(settings=settings))
    tree.give("shop", [{"at": "2024-01-01", "id": 1, "region": "eu", "tags": ["a"]}])
    statements = statements_of(tree, lambda: tree.load("shop.orders"))
    created = [" ".join(sql.split()) for sql in statements if sql.startswith("CREATE TABLE") and "ORDERS" in sql]
    assert [sql.rpartition(")CLUSTER BY ")[2] for sql in created if "CLUSTER BY" in sql] == ['("REGION","AT")']


def test_staging_is_transient(tree: SnowflakeTree) -> None:
    """Rows to merge are staged in a transient schema, which has no fail-safe storage to pay for."""
    tree.add("shop", ONE.format(settings=MERGE))
    tree.give("shop", [{"id": 1}])
    statements = statements_of(tree, lambda: tree.load("shop.orders"))
    staging = f"{tree.deployed.dataset('raw')}_staging".upper()
    assert f'CREATE TRANSIENT SCHEMA IF NOT EXISTS "{staging}"' in statements
    assert not [sql for sql in statements if sql.startswith("CREATE SCHEMA") and staging in sql]


def test_the_query_history_has_asset_run_and_source(tree: SnowflakeTree) -> None:
    """Every statement of a load has the query tag by which costs are split."""
    tree.add("shop", ONE.format(settings=APPEND))
    tree.give("shop", [{"id": 1}])
    statements = statements_of(tree, lambda: tree.load("shop.orders", run_id="4711"), tags=True)
    tag = json.dumps({"asset": "raw.orders", "source": "shop", "run_id": "4711"})
    loading = [found for sql, found in statements if "ORDERS" in sql and "_LOAD_AUDIT" not in sql]
    assert loading
    assert set(loading) == {tag}


def test_many_first_loads_can_run_at_once(tree: SnowflakeTree) -> None:
    """Eight first loads at once create the schema and dlt's tables without conflicts."""
    names = [f"t{number}" for number in range(8)]
    lines = [f"  - {{entry: data.get_rows, destination: raw.{name}, {MERGE}}}" for name in names]
    tree.add("shop", "\n".join(["resources:", *lines]))
    tree.give("shop", [{"id": 1}])
    with ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(tree.load, f"shop.{name}") for name in names]
        assert [load.result(120).row_count for load in loads] == [1] * 8
    assert tree.query("select count(*) from raw._dlt_loads where status = 0") == [8]


def test_a_load_leaves_the_staged_files_of_others(tree: SnowflakeTree) -> None:
    """Ids are numbers of seconds: 1700000000.1 begins 1700000000.12, whose files stay in the stage until it ends."""
    tree.add("shop", ONE.format(settings=MERGE))
    tree.give("shop", [{"id": 1}])
    removed = [sql for sql in statements_of(tree, lambda: tree.load("shop.orders")) if sql.startswith("REMOVE")]
    assert removed
    assert {sql[-3:] for sql in removed} == {"\"/'"}


def test_a_developer_does_not_change_production(
    tree: SnowflakeTree, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`DEPLOYMENT=dev` writes to schemas of its own and has a cursor of its own, independent of production."""
    tree.add("shop", ONE.format(settings=f"{APPEND}, incremental: {{cursor_path: at}}"))
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    production = tree.load("shop.orders")
    for name, value in account.deployment().items():
        monkeypatch.setenv(name, value)
    mine = build_warehouse(tree.root)
    landed = load_resource(tree.task("shop.orders"), mine)
    assert landed.cursor[0] is None
    assert landed.table.lower() == f"{account.settings['SNOWFLAKE_DATABASE']}.{mine.dataset('raw')}.orders".lower()
    assert landed.table != production.table
    assert mine.work_folder != tree.warehouse.work_folder
    assert tree.query("select count(*) from raw.orders") == [1]


def test_the_result_has_bytes_and_seconds_of_each_phase(tree: SnowflakeTree) -> None:
    """The result of a load has the bytes sent and the seconds of each phase."""
    tree.add("shop", ONE.format(settings=APPEND))
    tree.give("shop", [{"id": number} for number in range(1000)])
    started = time.monotonic()
    landed = tree.load("shop.orders")
    assert (landed.bytes or 0) > 1000
    assert set(landed.seconds) == {"sync", "extract", "normalize", "load"}
    assert 0 < sum(landed.seconds.values()) <= time.monotonic() - started


def test_a_large_load_is_one_copy_of_several_files(tree: SnowflakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a table are staged together and loaded with one COPY, which Snowflake runs in parallel."""
    monkeypatch.setenv("DATA_WRITER__FILE_MAX_BYTES", "50000")
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 1000)
    tree.add("shop", ONE.format(settings=APPEND))
    tree.give("shop", [{"id": number, "text": uuid.uuid4().hex} for number in range(20_000)])
    statements = statements_of(tree, lambda: tree.load("shop.orders"))
    copies = [sql for sql in statements if sql.startswith("COPY INTO") and '"ORDERS"' in sql]
    assert (len(copies), copies[0].count(".parquet'") > 5) == (1, True)
    assert tree.query("select count(*), count(distinct id) from raw.orders") == [(20_000, 20_000)]
    shipped = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text())["data_writer"]["file_max_bytes"]
    assert 100 * 2**20 <= shipped <= 250 * 2**20


@pytest.mark.parametrize("disposition", ["merge", pytest.param("replace", marks=pytest.mark.rare)])
def test_a_load_that_is_stopped_before_its_commit_changes_nothing(
    tree: SnowflakeTree, disposition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that comes directly before COMMIT rolls the transaction back; the next load is right."""
    check_stop_before_commit(tree, disposition, monkeypatch)
