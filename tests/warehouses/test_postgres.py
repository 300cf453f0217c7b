"""Tests of WAREHOUSE=postgres on a real PostgreSQL server."""

import datetime as dt
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_foundation.audit.read import read_newest
from data_foundation.errors import FoundationError, LoadError, SettingMissing, WarehouseBusy, WarehouseError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.task import Task
from data_foundation.vendors.retries import is_transient
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.postgres import copy_text as postgres_copy
from data_foundation.warehouses.postgres.errors import explain_connection
from data_foundation.warehouses.postgres.warehouse import PostgresWarehouse
from tests.promises import killed
from tests.support.dbt_builds import Build
from tests.support.locations import COMPOSITION, Location
from tests.support.postgres_server import PASSWORD, PostgresServer, PostgresTree
from tests.support.vaults import check_versions

ROOT = Path(__file__).parents[2]
CURSOR = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'
DISPOSITIONS = {
    "append": ["write_disposition: append", CURSOR],
    "replace": ["write_disposition: replace"],
    "merge": ["write_disposition: merge", "primary_key: id", CURSOR],
    "upsert": ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id"],
    "insert-only": ["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"],
    "scd2": ["write_disposition: {disposition: merge, strategy: scd2}"],
}
ORDERS = "select id, colour from raw.orders order by id, colour nulls first"
LINES = "select n from raw.orders__lines order by n"
RATES = "select rate from raw.orders__lines__taxes order by rate"


@pytest.fixture
def tree(postgres_tree: PostgresTree) -> PostgresTree:
    """An empty checkout with an empty database."""
    return postgres_tree


def add_orders(tree: PostgresTree, *settings: str, **more: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    retries = "retries: {max: 2, backoff: 0.01}"
    lines = "\n".join(f"    {line}" for line in ("destination: raw.orders", retries, *settings))
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{lines}\n", **more)


@pytest.mark.parametrize("name", DISPOSITIONS)
def test_every_write_disposition(tree: PostgresTree, name: str) -> None:
    """Rows, child rows, a new column, a cursor and an empty disk work as in every other warehouse."""
    add_orders(tree, *DISPOSITIONS[name])
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "lines": [{"n": 1, "taxes": [{"rate": 5}]}, {"n": 2}]},
                       {"id": 2, "at": "2024-01-02"}])  # fmt: skip
    first = tree.load("shop.orders")
    assert (first.rows, first.row_count, first.children) == (2, 2, {"orders__lines": 2, "orders__lines__taxes": 1})
    assert first.table == f"{tree.settings['POSTGRES_DATABASE']}.raw.orders"
    shutil.rmtree(tree.root / "data")  # the state is in the warehouse
    tree.give("shop", [{"id": 1, "at": "2024-01-03", "colour": "red", "lines": [{"n": 3}]},
                       {"id": 3, "at": "2024-01-03"}])  # fmt: skip
    second = tree.load("shop.orders")
    assert second.schema_changes["orders"] == ("colour",)
    if CURSOR in DISPOSITIONS[name]:
        assert second.cursor == ("2024-01-02", "2024-01-03")
    both: list[Any] = [(1, None), (1, "red"), (2, None), (3, None)]
    expected: dict[str, Any] = {
        "append": (both, [1, 2, 3], [5]),
        "scd2": (both, [1, 2, 3], [5]),
        "replace": ([(1, "red"), (3, None)], [3], []),
        "insert-only": ([(1, None), (2, None), (3, None)], [1, 2], [5]),
    }
    merged: Any = ([(1, "red"), (2, None), (3, None)], [3], [])
    assert (tree.query(ORDERS), tree.query(LINES), tree.query(RATES)) == expected.get(name, merged)
    assert tree.query("select count(*) from raw._dlt_loads where status = 0") == [2]


TEXTS = [
    "",
    "plain",
    'a "quoted" word',
    "two\nlines\r\nand three",
    "\\.",
    "x\n\\.\ny",
    "\\N",
    "a\tb\\tc",
    "€ 😀",
    " ",
    None,
]
AWARE = [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC)]
NAIVE = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]  # noqa: DTZ001 - it has no zone
VALUES: dict[str, list[Any]] = {
    "a_text": TEXTS,
    "a_binary": [b"\x00\xff\\x", "\\x41 é".encode()],
    "a_json": [{"a": [1, 'x"y\\z\n'], "b": None}, [1, 2], {}],
    "a_decimal": [Decimal("12345678901234567890123456789.123456789"), Decimal("-0.000000001"), Decimal(0)],
    "a_wei": [Decimal(10**28 + 1), -Decimal(10**28), Decimal(0)],
    "a_huge": [Decimal(2**250), -Decimal(2**250), Decimal(0)],
    "an_aware": AWARE,
    "a_naive": NAIVE,
    "a_date": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
    "a_time": [dt.time(0), dt.time(23, 59, 59, 999999)],
    "a_bool": [True, False],
    "a_double": [0.1, -1.7976931348623157e308, 5e-324],
    "a_bigint": [2**63 - 1, -(2**63), 0],
}
TYPES = """
columns:
  a_binary: {data_type: binary}
  a_json: {data_type: json}
  a_decimal: {data_type: decimal, precision: 38, scale: 9}
  a_wei: {data_type: wei}
  a_huge: {data_type: decimal, precision: 76, scale: 0}
  a_naive: {data_type: timestamp, timezone: false}
"""
PICKLED = '''
import pickle
from pathlib import Path

import pyarrow as pa


def get_rows():
    """The values of the test, row by row or as Arrow table."""
    form, columns = pickle.loads((Path(__file__).parent / "values").read_bytes())
    rows = max(map(len, columns.values()))
    padded = {name: values + [None] * (rows - len(values)) for name, values in columns.items()}
    if form == "arrow":
        yield pa.table({"n": range(rows), **padded})
    else:
        yield [{"n": n, **{name: values[n] for name, values in padded.items()}} for n in range(rows)]
'''


def give_values(tree: PostgresTree, form: str, columns: dict[str, Any], settings: str = "") -> None:
    """Makes raw.orders yield these columns, as rows or as an Arrow table."""
    import pickle  # noqa: PLC0415 - Python's own values, which JSON has not

    add_orders(tree, "write_disposition: append", *settings.splitlines(), data=PICKLED)
    (tree.root / "dlthub" / "shop" / "values").write_bytes(pickle.dumps((form, columns)))


def read(tree: PostgresTree, column: str) -> list[Any]:
    """Returns the values of a column, memoryviews converted to bytes."""
    found = tree.query(f"select {column} from raw.orders order by n")
    return [bytes(value) if isinstance(value, memoryview) else value for value in found]


def test_values_of_rows_are_unchanged(tree: PostgresTree) -> None:
    """A query returns the values that the generator yields, to the last digit, byte and time zone."""
    give_values(tree, "rows", VALUES, TYPES)
    tree.load("shop.orders")
    assert_values(tree, VALUES)
    kinds = "select column_name, data_type from information_schema.columns where table_name = 'orders'"
    found = dict(tree.query(kinds))
    assert (found["a_json"], found["a_binary"], found["a_wei"]) == ("jsonb", "bytea", "numeric")
    assert (found["an_aware"], found["a_naive"]) == ("timestamp with time zone", "timestamp without time zone")


def test_values_of_arrow_tables_are_unchanged(tree: PostgresTree) -> None:
    """The same for Arrow tables, whose numbers may be NaN or infinite."""
    columns = {name: values for name, values in VALUES.items() if name not in ("a_json", "a_wei", "a_huge")}
    columns["a_binary"] = [b"", *VALUES["a_binary"], b""]
    columns["a_double"] = [*VALUES["a_double"], math.inf, -math.inf]
    give_values(tree, "arrow", columns, "columns: {a_naive: {data_type: timestamp, timezone: false}}")
    tree.load("shop.orders")
    assert_values(tree, columns)
    give_values(tree, "arrow", {"a_double": [math.nan]}, "columns: {a_naive: {data_type: timestamp, timezone: false}}")
    tree.load("shop.orders")
    assert tree.query("select count(*) from raw.orders where a_double = 'NaN'") == [1]


def assert_values(tree: PostgresTree, columns: dict[str, list[Any]]) -> None:
    """Asserts that every column of the table has the given values, and NULL where none was given."""
    for name, values in columns.items():
        if name in ("an_aware", "a_naive"):
            # Python has no year 10000, which 9999 may become in a local time zone.
            found = (
                tree.query(f"select {name} at time zone 'UTC' from raw.orders order by n")
                if name == "an_aware"
                else read(tree, name)
            )
            expected = [value.replace(tzinfo=None) for value in values]
        else:
            found, expected = read(tree, name), values
        assert found == [*expected, *[None] * (len(TEXTS) - len(expected))], name


def arrow_columns() -> dict[str, tuple[pa.Array, str, list[Any]]]:
    """Returns by name: an Arrow array, the type of the column, and the values that a query returns."""
    noon = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
    blobs, texts = [b"\\", None, b"", b"\x00"], ["\\N", None, "", "a"]
    days: dict[str, Any] = {"tz": "America/New_York", "unit": "ns"}
    return {
        "words": (pa.array(texts).dictionary_encode(), "text", texts),
        "large": (pa.array(texts, pa.large_string()), "text", texts),
        "blobs": (pa.array(blobs, pa.large_binary()), "bytea", blobs),
        "fixed": (pa.array([b"ab", None, b"\\x", b"\0\0"], pa.binary(2)), "bytea", [b"ab", None, b"\\x", b"\0\0"]),
        "small": (pa.array([0.1, None, -0.0, 1e-40], pa.float32()), "double precision",
                  [float(np.float32(0.1)), None, 0.0, float(np.float32(1e-40))]),
        "struct": (pa.array([{"a": "x\n"}, None, {"a": None}, {}]), "jsonb",
                   [{"a": "x\n"}, None, {"a": None}, {"a": None}]),
        "lists": (pa.array([[1, 2], None, [], [3]]), "jsonb", [[1, 2], None, [], [3]]),
        "moment": (pa.array([noon, None, noon, noon], pa.timestamp(**days)), "timestamptz", [noon, None, noon, noon]),
        "unsigned": (pa.array([255, None, 0, 1], pa.uint8()), "bigint", [255, None, 0, 1]),
        "nothing": (pa.nulls(4), "text", [None] * 4),
    }  # fmt: skip


@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
def test_every_kind_of_arrow_column_is_copied(
    tree: PostgresTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """Dictionaries, structs, lists, small floats and time zones are unchanged, however the file is split into parts."""
    columns = arrow_columns()
    pq.write_table(pa.table({name: array for name, (array, _, _) in columns.items()}), tmp_path / "rows.parquet")
    monkeypatch.setattr(postgres_copy, "ROWS_AT_ONCE", rows_at_once)
    tree.query("create schema raw; create table raw.t (n serial, {})".format(
        ", ".join(f"{name} {kind}" for name, (_, kind, _) in columns.items())))  # fmt: skip
    with tree.warehouse.open() as destination, connect(destination, "raw") as client:
        assert client.copy("t", tmp_path / "rows.parquet") == 4
    for name, (_, _, expected) in columns.items():
        found = tree.query(f"select {name} from raw.t order by n")
        assert [bytes(value) if isinstance(value, memoryview) else value for value in found] == expected, name


REFUSED = {
    'FATAL:  password authentication failed for user "me"': "POSTGRES_USER or POSTGRES_PASSWORD is wrong",
    'FATAL:  role "me" is not permitted to log in': "a role that may not log in",
    'FATAL:  permission denied for database "x"': "may not connect to POSTGRES_DATABASE",
    'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "me", database "x", no encryption': "pg_hba.conf",
    "server certificate for 'a' does not match host name 'b'": "POSTGRES_SSLMODE",
    'could not translate host name "db" to address: Name or service not known': "POSTGRES_HOST is not a known host",
    "FATAL:  etwas ganz anderes": "PostgreSQL refuses: connection to server failed: FATAL: etwas ganz anderes",
}
PASSING = (
    "FATAL:  the database system is starting up",
    "FATAL:  sorry, too many clients already",
    'FATAL:  too many connections for role "me"',
    "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
    'could not translate host name "db" to address: Temporary failure in name resolution',
    "Connection refused",
    "timeout expired",
)


def test_an_error_of_the_server_names_a_setting_or_is_retried() -> None:
    """The error names the wrong setting and is not retried; a server that is down, full or starting is retried."""
    for message, reason in REFUSED.items():
        error = explain_connection(psycopg2.OperationalError(f"connection to server failed: {message}"), "db")
        assert isinstance(error, WarehouseError), message
        assert reason in str(error)
        assert not is_transient(error)
    for message in PASSING:
        error = explain_connection(psycopg2.OperationalError(f"connection to server failed: {message}"), "db")
        assert is_transient(error), message


@pytest.mark.parametrize(
    ("form", "columns", "where"),
    [
        ("rows", {"note": ["fine", "a\0b"]}, "row 2, column note"),
        ("arrow", {"note": ["fine", "a\0b"]}, "row 2, column note"),
        ("rows", {"doc": [{"a": "fine"}, {"a": "b\0"}]}, "row 2, column doc"),
    ],
    ids=["text", "Arrow", "JSON"],
)
def test_a_null_character_is_refused_with_its_place(
    tree: PostgresTree, form: str, columns: dict[str, Any], where: str
) -> None:
    """PostgreSQL cannot store U+0000: the error names row and column, nothing is written; the next load succeeds."""
    settings = "columns: {doc: {data_type: json}}" if "doc" in columns else ""
    give_values(tree, form, columns, settings)
    with pytest.raises(LoadError, match=rf"raw.orders: {where}: got a text with U\+0000"):
        tree.load("shop.orders")
    give_values(tree, form, {name: values[:1] for name, values in columns.items()}, settings)
    result = tree.load("shop.orders")
    assert result.row_count == 1
    assert "was set aside" in result.warnings[0]


def test_a_vault_keeps_every_version_once(tree: PostgresTree) -> None:
    """Hub, satellites and the list of satellites are the same as in DuckDB, including hashes."""
    check_versions(tree)


def test_a_range_is_appended_once(tree: PostgresTree) -> None:
    """A partition that is loaded again replaces its rows and their child rows, and no others."""
    add_orders(tree, "write_disposition: append", CURSOR)
    for version in (1, 2):
        tree.give("shop", [{"id": day, "at": f"2024-01-{day:02}", "version": version, "lines": [{"n": day}]}
                           for day in range(1, 7)])  # fmt: skip
        tree.load("shop.orders", **({"start": "2024-01-03", "end": "2024-01-05"} if version == 2 else {}))
    assert tree.query("select version from raw.orders order by id") == [1, 1, 2, 2, 1, 1]
    assert tree.query(LINES) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("refresh", ["state", "drop"])
def test_a_refresh_loads_all_rows_again(tree: PostgresTree, refresh: str) -> None:
    """After the state or the table is dropped, all rows are loaded once; a removed column is dropped with the table."""
    add_orders(tree, "write_disposition: append", CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-02", "old": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 1, "at": "2024-01-02", "lines": [{"n": 1}]}])
    assert tree.load("shop.orders", refresh=refresh).row_count == 1
    assert tree.query(LINES) == [1]
    columns = tree.query("select column_name from information_schema.columns where table_name = 'orders'")
    assert ("old" in columns) == (refresh == "state")


def test_a_load_that_fails_in_its_last_table_changes_none(tree: PostgresTree) -> None:
    """Parents, children, new columns, state and the list of loads are unchanged; the next run sets the rows aside."""
    add_orders(tree, *DISPOSITIONS["merge"])
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.query("alter table raw.orders__lines add constraint small check (n < 100)")
    tree.give("shop", [{"id": 1, "at": "2024-01-02", "colour": "red", "lines": [{"n": 1000}]}])
    with pytest.raises(LoadError, match=r"while loading: DatabaseTerminalException.*violates check constraint"):
        tree.load("shop.orders")
    assert (tree.query("select id from raw.orders"), tree.query(LINES)) == ([1], [1])
    assert tree.query("select count(*) from information_schema.columns where column_name = 'colour'") == [0]
    assert (
        tree.query("select count(*) from raw._dlt_loads")
        == tree.query("select count(*) from raw._dlt_pipeline_state")
        == [1]
    )
    tree.give("shop", [{"id": 1, "at": "2024-01-02", "colour": "red", "lines": [{"n": 2}]}])
    [warning] = tree.load("shop.orders").warnings
    assert "was set aside" in warning
    assert (tree.query(ORDERS), tree.query(LINES)) == ([(1, "red")], [2])


def test_a_first_load_that_fails_makes_no_table(tree: PostgresTree) -> None:
    """After a first load that failed in the warehouse, not even dlt's own tables exist."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1}])
    tree.query("create schema raw; create view raw.orders as select 1 as other where false")
    with pytest.raises(LoadError, match="failed while loading"):
        tree.load("shop.orders")
    tables = "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
    assert tree.query(tables) == ["_load_audit", "orders"]


CUT = """
create sequence raw.attempts;
create function raw.cut() returns trigger language plpgsql as $$ begin
    if nextval('raw.attempts') = 1 then {what}; end if;
    return null;
end $$;
create {trigger} execute function raw.cut();
"""
TRIGGERS = {
    "rows": "trigger cut after insert on raw.orders for each statement",
    "commit": "constraint trigger cut after insert on raw.orders deferrable initially deferred for each row",
}


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_cut_connection_is_retried(tree: PostgresTree, name: str) -> None:
    """If the server ends the session during the load or its commit, the load is retried and no row is lost."""
    add_orders(tree, *DISPOSITIONS["append"])
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    tree.load("shop.orders")
    tree.query(CUT.format(what="perform pg_terminate_backend(pg_backend_pid())", trigger=TRIGGERS[name]))
    tree.give("shop", [{"id": 2, "at": "2024-01-02", "lines": [{"n": 1}]}])
    [warning] = tree.load("shop.orders").warnings
    assert "attempt 1 failed in load" in warning
    assert (tree.query("select id from raw.orders order by id"), tree.query(LINES)) == ([1, 2], [1])
    assert tree.query("select status, attempt from raw._load_audit order by started") == [
        ("loaded", 1), ("failed", 1), ("loaded", 2)
    ]  # fmt: skip
    assert [(one.status, one.attempt) for one in read_newest(tree.warehouse).attempts] == [("failed", 1), ("loaded", 2)]


TROUBLE = {
    "statement_timeout": ("perform pg_sleep(10)", "statement_timeout = 0"),
    "disk": ("raise exception 'could not extend file' using errcode = '53100'", "the disk of the server is full"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_permanent_error_is_not_retried(tree: PostgresTree, postgres_server: PostgresServer, name: str) -> None:
    """The error names the cause and is not retried; after a fix, the next run finishes the load and makes its own."""
    what, message = TROUBLE[name]
    add_orders(tree, *DISPOSITIONS["append"])
    tree.give("shop", [{"id": 1, "at": "2024-01-01"}])
    tree.load("shop.orders")
    tree.query(CUT.format(what=what, trigger=TRIGGERS["rows"]))
    postgres_server.query(f"alter database {tree.settings['POSTGRES_DATABASE']} set statement_timeout = '300ms'")
    tree.give("shop", [{"id": 2, "at": "2024-01-02"}])
    with pytest.raises(WarehouseError, match=message):
        tree.load("shop.orders")
    assert tree.query("select count(*) from raw._load_audit where status = 'failed'") == [1]
    tree.give("shop", [{"id": 3, "at": "2024-01-03"}])
    assert tree.load("shop.orders").warnings == ()
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3]


def test_all_missing_settings_are_named(tmp_path: Path) -> None:
    """The error names all missing settings, without a connection."""
    warehouse = PostgresWarehouse.of(tmp_path, {"POSTGRES_HOST": "db"}, suffix="", others=lambda _name: warehouse)
    for use in (warehouse.destination, warehouse.open().__enter__):
        with pytest.raises(SettingMissing) as missing:
            use()
        assert missing.value.settings == ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DATABASE")


WRONG = {
    "password": ({"POSTGRES_PASSWORD": "wrong-s3cret"}, "POSTGRES_USER or POSTGRES_PASSWORD is wrong"),
    "role": ({"POSTGRES_USER": "nobody_here"}, "POSTGRES_USER or POSTGRES_PASSWORD is wrong"),
    "database": ({"POSTGRES_DATABASE": "nowhere"}, "POSTGRES_DATABASE is not a database of this server"),
    "host": ({"POSTGRES_HOST": "no-such-host.invalid"}, "POSTGRES_HOST"),
    "address": ({"POSTGRES_HOST": "postgresql://me:wrong-s3cret@db/x"}, "POSTGRES_HOST: got a URL"),
    "port": ({"POSTGRES_PORT": "54a"}, "POSTGRES_PORT: got '54a'; accepted: a number from 1 to 65535"),
    "port, too high": ({"POSTGRES_PORT": "65536"}, "POSTGRES_PORT: got '65536'"),
    "mode": ({"POSTGRES_SSLMODE": "yes"}, "POSTGRES_SSLMODE: got 'yes'; accepted: disable, allow, prefer, require"),
    "encryption": ({"POSTGRES_SSLMODE": "require"}, "POSTGRES_SSLMODE requires encryption or a certificate"),
    "nobody listens": ({"POSTGRES_PORT": "1"}, r"POSTGRES_HOST, POSTGRES_PORT\) cannot be reached"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(tree: PostgresTree, name: str) -> None:
    """The error names the wrong setting and no password; only a server that is down is retried."""
    changed, message = WRONG[name]
    broken = replace(tree, settings={**tree.settings, **changed})
    add_orders(broken, "write_disposition: append")
    broken.give("shop", [{"id": 1}])
    with pytest.raises(FoundationError, match=message) as refused:
        broken.load("shop.orders")
    assert ("3 times" in str(refused.value)) == (name == "nobody listens")
    shown = f"{refused.value} {broken.warehouse} {broken.warehouse.describe()} {broken.warehouse.work_folder}"
    assert "s3cret" not in shown
    assert PASSWORD not in shown


RIGHTS = {
    "no database": ("", "POSTGRES_USER lacks a privilege: GRANT CREATE ON DATABASE"),
    "no schema": (
        "create schema raw; create schema raw_staging",
        "POSTGRES_USER lacks a privilege: GRANT USAGE, CREATE ON SCHEMA",
    ),
    "read only": ("alter role {role} set default_transaction_read_only = on", "the server is read-only"),
}


@pytest.mark.parametrize("name", RIGHTS)
def test_a_missing_privilege_is_named(tree: PostgresTree, postgres_server: PostgresServer, name: str) -> None:
    """The error names the privilege; after it is granted, the next run succeeds."""
    prepare, message = RIGHTS[name]
    role = f"loader_{tree.settings['POSTGRES_DATABASE']}"
    postgres_server.query(f"create role {role} login password 'x-loader'")
    if prepare:
        tree.query(prepare.format(role=role))
    weak = replace(tree, settings={**tree.settings, "POSTGRES_USER": role, "POSTGRES_PASSWORD": "x-loader"})
    add_orders(weak, "write_disposition: append")
    weak.give("shop", [{"id": 1}])
    with pytest.raises(WarehouseError, match=message):
        weak.load("shop.orders")
    postgres_server.query(f"alter role {role} superuser; alter role {role} reset all")
    weak.give("shop", [{"id": 2}])
    weak.load("shop.orders")
    assert tree.query("select max(id) from raw.orders") == [2]


def load_once(tree: PostgresTree, name: str, start: Any) -> None:
    """Loads a table as soon as all processes are ready; runs in a process of its own."""
    task = tree.task(name)
    start.wait(60)
    [outcome] = [found for found in load_side_by_side([task], tree.warehouse) if isinstance(found, Outcome)]
    assert outcome.error is None, outcome.error


def test_several_processes_can_start_with_an_empty_database(tree: PostgresTree) -> None:
    """Schema, dlt's tables and the audit tables are created once, whichever process is first."""
    tables = [f"t{number}" for number in range(4)]
    lines = [f"  - {{entry: data.get_rows, destination: raw.{name}, write_disposition: merge, primary_key: id,"
             " retries: {max: 0}}" for name in tables]  # fmt: skip
    tree.add("shop", "\n".join(["resources:", *lines]))
    tree.give("shop", [{"id": number, "lines": [{"n": 1}]} for number in range(50)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warehouses.test_postgres"])
    start = context.Barrier(len(tables))
    processes = [context.Process(target=load_once, args=(tree, f"shop.{name}", start)) for name in tables]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * len(tables)
    assert [tree.query(f"select count(*) from raw.{name}__lines") for name in tables] == [[50]] * len(tables)
    assert tree.query("select count(*) from raw._load_audit where status = 'loaded'") == [len(tables)]


def test_a_load_finds_its_own_among_all_others(tree: PostgresTree) -> None:
    """State, newest load and audit row are found by an index each: a load reads no table of all loads as a whole."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    others = "select x::text, 'other', 0, now(), '' from generate_series(1, 20000) x"
    tree.query(f"insert into raw._dlt_loads (load_id, schema_name, status, inserted_at, schema_version_hash) {others}")
    columns = "version, engine_version, pipeline_name, state, created_at, _dlt_load_id, _dlt_id"
    many = "select 1, 1, 'other', '', now(), x::text, x::text from generate_series(1, 20000) x"
    tree.query(f"insert into raw._dlt_pipeline_state ({columns}) {many}")
    tree.query("insert into raw._load_audit (id, asset) select x::text, 'raw.other' from generate_series(1, 20000) x")
    tree.query("analyze")
    scans = "select sum(seq_tup_read) from pg_stat_user_tables where relname ~ '^(_dlt_|_load_)'"
    tree.query("select pg_stat_force_next_flush()")
    [before] = tree.query(scans)
    tree.load("shop.orders")
    time.sleep(1.2)
    assert tree.query(scans)[0] - before < 20000


def test_loads_do_not_wait_for_each_other(tree: PostgresTree) -> None:
    """While one load's transaction is open, another table, even a new one, is loaded."""
    tree.add(
        "shop", "resources: [{entry: data.get_rows, destination: raw.a}, {entry: data.get_rows, destination: raw.b}]"
    )
    tree.give("shop", [{"id": 1}])
    tree.load("shop.a")
    warehouse = tree.warehouse
    with (
        warehouse.open() as destination,
        warehouse.transaction(destination, [("delete from raw.a where id = %s", (1,))]),
    ):
        loaded = threading.Thread(target=tree.load, args=("shop.b",))
        loaded.start()
        loaded.join(30)
        assert not loaded.is_alive()
        assert tree.query("select id from raw.b union all select id from raw.a") == [1, 1]
    assert tree.query("select count(*) from raw.a") == [0]


def test_two_resources_load_in_parallel(tree: PostgresTree) -> None:
    """Threads of one process load several tables at once, each with a connection that has the load's name."""
    tables = [f"t{number}" for number in range(6)]
    tree.add(
        "shop",
        "\n".join(["resources:", *(f"  - {{entry: data.get_rows, destination: raw.{name}}}" for name in tables)]),
    )
    tree.give("shop", [{"id": 1, "seen": "50% of %s"}])
    found = load_side_by_side([tree.task(f"shop.{name}") for name in tables], tree.warehouse)
    assert [outcome.error for outcome in found if isinstance(outcome, Outcome)] == [None] * len(tables)
    assert [tree.query(f"select seen from raw.{name} where seen like '%\\%%'") for name in tables] == [
        ["50% of %s"]
    ] * len(tables)
    with tree.warehouse.open({"asset": "raw.t1"}) as destination, connect(destination, "raw") as client:
        assert client.execute_sql("select current_setting('application_name'), %s", "100%") == [
            ("data_foundation raw.t1", "100%")
        ]


LOOK = """
select (select row(count(*), min(v), max(v)) from raw.orders)::text,
       (select row(count(*), min(v), max(v)) from raw.orders__lines)::text
"""


def test_a_reader_sees_the_old_or_the_new_rows(tree: PostgresTree, record_property: Any) -> None:
    """A reader that queries during replaces never waits, and never sees an empty or partial table."""
    add_orders(tree, "write_disposition: replace")
    seen: Counter[Any] = Counter()
    done = threading.Event()

    def look() -> None:
        with tree.warehouse.query() as query:
            while not done.is_set():
                seen.update(query(LOOK))

    def replace_all(version: int) -> None:
        tree.give("shop", [{"id": row, "v": version, "lines": [{"v": version}]} for row in range(3000)])
        tree.load("shop.orders")

    replace_all(0)
    reader = threading.Thread(target=look)
    reader.start()
    for version in range(1, 5):
        replace_all(version)
    done.set()
    reader.join(30)
    assert set(seen) <= {(f"(3000,{version},{version})",) * 2 for version in range(5)}
    assert len(seen) > 1
    record_property("looks at a PostgreSQL table while it was replaced", seen.total())


def test_a_deployment_has_schemas_of_its_own(tree: PostgresTree) -> None:
    """The deployment's suffix is at the end of the name of every schema, including that of the audit trail."""
    tree.add(
        "shop", "resources: [{entry: data.get_rows, destination: raw.a, write_disposition: merge, primary_key: id}]"
    )
    tree.give("shop", [{"id": 1}])
    task: Task = tree.task("shop.a")
    mine = PostgresWarehouse.of(tree.root, tree.settings, suffix="__me", others=lambda _name: mine)
    assert mine.work_folder != tree.warehouse.work_folder
    assert [found.error for found in load_side_by_side([task], mine) if isinstance(found, Outcome)] == [None]
    schemas = "select schema_name from information_schema.schemata where schema_name like 'raw%' order by 1"
    assert tree.query(schemas) == ["raw__me", "raw__me_staging"]
    assert tree.query("select status from raw__me._load_audit") == ["loaded"]


def environment(tree: PostgresTree) -> dict[str, str]:
    """Returns the environment of a process with WAREHOUSE=postgres."""
    named = {"WAREHOUSE": "postgres", "DEPLOYMENT": "production", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **tree.warehouse.dbt_settings(), **named}


def build_project(project: Path, target: Path, environment: dict[str, str]) -> None:
    """Runs `dbt build` without leaving files in the project; a warning is an error."""
    command: list[Any] = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "build", "--project-dir", project]
    options: list[Any] = ["--profiles-dir", project, "--target-path", target, "--log-path", target]
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout, done.stdout[-6000:] + done.stderr


def test_dagster_loads_tables_and_dbt_builds_on_them(tree: PostgresTree, tmp_path: Path) -> None:
    """A Dagster run in its own processes fills two tables, dbt builds a model on them, and the audit trail has both."""
    location = Location(tmp_path / "checkout")
    tables = [f"  - {{entry: data.get_rows, destination: raw.{name}}}" for name in ("a", "b")]
    location.add("shop", "\n".join(["resources:", *tables]))
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", "telemetry: {enabled: false}")
    location.write("dbt_project/dbt_project.yml", "name: shop\nprofile: data_foundation\nmodel-paths: [models]\n")
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    location.write("dbt_project/models/raw.yml", "sources: [{name: raw, tables: [{name: a}]}]\n")
    location.write("dbt_project/models/counted.sql", "select count(*) as n from {{ source('raw', 'a') }}\n")
    home = {"DAGSTER_HOME": str(location.root / "home"), "DLT_PROJECT_DIR": str(location.root)}

    def run(command: str, *options: str) -> str:
        program = str(Path(sys.executable).parent / command)
        done = subprocess.run([program, *options], cwd=location.root, env=environment(tree) | home,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return str(done.stdout)

    run("dagster", "asset", "materialize", "-f", "definitions.py", "--select", "*")
    build_project(location.root / "dbt_project", tmp_path / "target", environment(tree))
    assert tree.query("select n from public.counted") == [2]
    attempts = tree.query("select asset, status, rows from raw._load_audit order by asset")
    assert attempts == [("raw.a", "loaded", 2), ("raw.b", "loaded", 2)]
    assert "raw.a" in run("foundation", "audit")


def summary(query: Callable[[str], list[tuple[Any, ...]]]) -> dict[str, Any]:
    """Returns for every mart the rows, and for each column the count of values, the minimum and the maximum."""
    marts: dict[str, Any] = {}
    # The load time of a version differs between two warehouses.
    columns = query(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'marts' and column_name <> 'known_since' order by 1, 2"
    )
    for table, column, kind in columns:
        least = (
            "max(case when {0} then 1 else 0 end), min(case when {0} then 1 else 0 end)"
            if kind.lower() == "boolean"
            else "min({0}), max({0})"
        )
        [found] = query(
            f"select count(*), count({column}), count(distinct {column}), {least.format(column)} from marts.{table}"
        )
        marts[f"{table}.{column}"] = [
            round(float(value), 6) if isinstance(value, float | Decimal) else value for value in found
        ]
    return marts


@pytest.mark.rare
@pytest.mark.xdist_group("loaded_warehouse")
def test_dbt_builds_the_same_marts_as_on_duckdb(
    tree: PostgresTree,
    ingest: Callable[[Any], None],
    built: Build,
    tmp_path: Path,
) -> None:
    """All models and tests on the sandbox's rows: every column of every mart is the same as on DuckDB."""
    ingest(tree.warehouse)
    build_project(ROOT / "dbt_project", tmp_path / "postgres", environment(tree))
    expected = summary(built.query)
    with tree.warehouse.query() as query:
        found = summary(query)
    assert len(found) > 50
    assert found == expected


def test_a_lock_that_is_held_too_long_names_its_holder(
    postgres_tree: PostgresTree, postgres_server: PostgresServer
) -> None:
    """The error of a load that waited for a lock names the session that holds it, its user and what it does."""
    tree, database = postgres_tree, postgres_tree.settings["POSTGRES_DATABASE"]
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    postgres_server.query(f"alter database {database} set lock_timeout = '300ms'")
    with postgres_server.connect(database) as other, other.cursor() as cursor:
        cursor.execute("begin; lock table raw.orders in access exclusive mode")
        found = (
            rf"waits for session {other.info.backend_pid} of user postgres \(idle in transaction, since 20.*\)\. End"
        )
        with pytest.raises(WarehouseBusy, match=found):
            tree.load("shop.orders")
    tree.load("shop.orders")
    assert tree.query("select count(*) from raw.orders") == [2]


def test_the_server_notices_a_killed_load_that_waits(
    postgres_tree: PostgresTree, postgres_server: PostgresServer
) -> None:
    """The session of a killed process ends while it still waits for a lock, so that it holds no other one."""
    tree, database = postgres_tree, postgres_tree.settings["POSTGRES_DATABASE"]
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"

    def wait_until(count: int) -> None:
        deadline = time.monotonic() + 30
        while postgres_server.query(waiting, database=database) != [(count,)]:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    with postgres_server.connect(database) as other, other.cursor() as cursor:
        cursor.execute("begin; lock table raw.orders in access exclusive mode")
        process = killed.start(tree, "shop.orders")
        wait_until(1)
        process.kill()
        wait_until(0)
