"""Tests of `data_foundation.readers.sql` on a real PostgreSQL server, value by value."""

import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_foundation.errors import FoundationError, LoadError, ValueRefused
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from data_foundation.readers.sql.statement import build_select
from data_foundation.readers.sql.table_reader import open_database
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.sql_sources import SqlTree, database, dsn, sql_server, sql_tree

__all__ = ["database", "sql_server", "sql_tree"]

MOMENT = dt.datetime(2024, 1, 1, 10, 34, 56, 789012, dt.UTC)
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
TYPES: dict[str, tuple[str, str, Any]] = {
    "bool": ("true", "BOOLEAN", True),
    "int2": ("-32768", "BIGINT", -(2**15)),
    "int4": ("2147483647", "BIGINT", 2**31 - 1),
    "int8": ("-9223372036854775808", "BIGINT", -(2**63)),
    "oid": ("4294967295", "BIGINT", 2**32 - 1),
    "float4": ("0.1", "DOUBLE", 0.10000000149011612),
    "float8": ("0.1", "DOUBLE", 0.1),
    "numeric(12,2)": ("1234567890.12", "DECIMAL(12,2)", Decimal("1234567890.12")),
    "numeric(38,20)": ("-123456789012345678.12345678901234567890", "DECIMAL(38,20)",
                       Decimal("-123456789012345678.12345678901234567890")),
    "numeric(5,-2)": ("1234567", "DECIMAL(7,0)", Decimal(1234600)),
    "numeric(2,5)": ("0.00012", "DECIMAL(5,5)", Decimal("0.00012")),
    "numeric": ("1.5", "DECIMAL(38,9)", Decimal("1.5")),
    "money": ("'5.20'", "DECIMAL(38,9)", Decimal("5.2")),
    "price": ("9.125", "DECIMAL(10,3)", Decimal("9.125")),
    "text": ("E'Ä ''x''\\n\\\\ 😀'", "VARCHAR", "Ä 'x'\n\\ 😀"),
    "varchar(10)": ("'v'", "VARCHAR", "v"),
    "char(3)": ("'c'", "VARCHAR", "c  "),
    "name": ("'n'", "VARCHAR", "n"),
    "mood": ("'happy'", "VARCHAR", "happy"),
    "uuid": (f"'{UUID}'", "VARCHAR", UUID),
    "inet": ("'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"),
    "bit(3)": ("B'101'", "VARCHAR", "101"),
    "interval": ("'1 month 2 days'", "VARCHAR", "1 mon 2 days"),
    "timetz": ("'12:00+02'", "VARCHAR", "12:00:00+02"),
    "int4range": ("'[1,5)'", "VARCHAR", "[1,5)"),
    "bytea": ("'\\x00ff'", "BLOB", b"\x00\xff"),
    "date": ("'2024-02-29'", "DATE", dt.date(2024, 2, 29)),
    "time": ("'12:34:56.789012'", "TIME", dt.time(12, 34, 56, 789012)),
    "timestamp": ("'2024-01-01 10:34:56.789012'", "TIMESTAMP", MOMENT.replace(tzinfo=None)),
    "timestamptz": ("'2024-01-01 12:34:56.789012+02'", "TIMESTAMP WITH TIME ZONE", MOMENT),
    "json": ("""'{"a": 1.10, "n": 123456789012345678901}'""", "JSON", '{"a": 1.10, "n": 123456789012345678901}'),
    "jsonb": ("""'{"a": [1, null]}'""", "JSON", '{"a": [1, null]}'),
    "int4[]": ("'{{1,2},{3,4}}'", "JSON", "[[1,2],[3,4]]"),
    "text[]": ("array['x', null]", "JSON", '["x",null]'),
    "pair": ("row(1, 'z')", "JSON", '{"a":1,"b":"z"}'),
}  # fmt: skip
PREPARE = """
CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN amount AS numeric(10, 3); CREATE DOMAIN price AS amount CHECK (value > 0);
"""


def test_every_type_has_its_type_in_the_warehouse(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """Each declared type has its own type in the warehouse, NULL is NULL, and no digit differs."""
    names = [f"c{number}" for number in range(len(TYPES))]
    declared = ", ".join(f"{name} {kind}" for name, kind in zip(names, TYPES, strict=True))
    given_values = ", ".join(literal for literal, _, _ in TYPES.values())
    sql_server.query(f"{PREPARE} CREATE TABLE orders (id int, {declared})", database=database)
    sql_server.query(f"INSERT INTO orders VALUES (1, {given_values}); INSERT INTO orders VALUES (2)", database=database)
    sql_tree.read("write_disposition: replace")
    sql_tree.load("shop.landed")
    landed = sql_tree.landed()
    expected = {kind: (landed_as, [value, None]) for kind, (_, landed_as, value) in TYPES.items()}
    assert {kind: landed[name] for name, kind in zip(names, TYPES, strict=True)} == expected


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_a_first_load_of_an_empty_table_makes_the_table(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, disposition: str
) -> None:
    """With the types of its columns, so that dbt's models can be built; rows follow later."""
    sql_server.query("CREATE TABLE orders (id int, amount numeric(12,2), at timestamptz)", database=database)
    sql_tree.read(f"write_disposition: {disposition}", "primary_key: id")
    assert sql_tree.load("shop.landed").rows == 0
    kinds = {name: kind for name, (kind, _) in sql_tree.landed().items()}
    assert kinds == {"id": "BIGINT", "amount": "DECIMAL(12,2)", "at": "TIMESTAMP WITH TIME ZONE"}
    sql_server.query("INSERT INTO orders VALUES (1, 2.50, now())", database=database)
    assert sql_tree.load("shop.landed").rows == 1
    assert sql_tree.landed()["amount"][1] == [Decimal("2.50")]


def test_an_address_has_no_mask_that_nobody_wrote(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """A cast to text adds one to addresses of hosts, of both versions."""
    shown = ["10.0.0.1", "10.0.0.1/8", "::1", "2001:db8::/32", None]
    texts = ", ".join("(NULL)" if one is None else f"('{one}')" for one in shown)
    sql_server.query("CREATE TABLE orders (id serial, address inet)", database=database)
    sql_server.query(f"INSERT INTO orders (address) VALUES {texts}", database=database)
    sql_tree.read()
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["address"] == ("VARCHAR", shown)


REFUSED = {
    "infinity": ("timestamptz", "'infinity'", "an infinity, or a year outside 1 to 9999"),
    "before-christ": ("timestamp", "'0044-03-15 BC'", "an infinity, or a year outside 1 to 9999"),
    "far-away": ("date", "'10000-01-01'", "an infinity, or a year outside 1 to 9999"),
    "a-day-of-infinity": ("date", "'-infinity'", "an infinity, or a year outside 1 to 9999"),
    "midnight-at-the-end": ("time", "'24:00'", "24:00, which is not a time of day"),
    "no-number": ("numeric(5,2)", "'NaN'", "the value does not fit decimal128(5, 2)"),
    "too-many-digits": ("numeric", "1e-10", "the value does not fit decimal128(38, 9)"),
    "too-large": ("numeric", "1e30", "the value does not fit decimal128(38, 9)"),
}


@pytest.mark.parametrize(("kind", "literal", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_the_warehouse_cannot_hold_is_refused(  # noqa: PLR0913, PLR0917 - a row of the table above, and the database
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, kind: str, literal: str, reason: str
) -> None:
    """The error names row and column, and the line for sources.yaml that makes the load succeed."""
    sql_server.query(f"CREATE TABLE orders (id int, odd {kind})", database=database)
    sql_server.query(f"INSERT INTO orders VALUES (1, NULL), (2, {literal})", database=database)
    sql_tree.read()
    with pytest.raises(ValueRefused) as caught:
        sql_tree.load("shop.landed")
    assert "row 2, column odd (" in str(caught.value)
    assert reason in str(caught.value)
    sql_tree.read("columns: {odd: {data_type: text}}")
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["odd"][0] == "VARCHAR"


def test_columns_sets_an_undeclared_precision(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """`columns` sets the precision of a numeric that is declared without one."""
    sql_server.query('CREATE TABLE orders AS SELECT 1 AS id, 1e-20::numeric AS tiny, 1e-5::numeric "Mixed"',
                     database=database)  # fmt: skip
    digits = "tiny: {data_type: decimal, precision: 38, scale: 20}, mixed: {data_type: decimal, precision: 9, scale: 5}"
    sql_tree.read(f"columns: {{{digits}}}")
    sql_tree.load("shop.landed")
    landed = sql_tree.landed()
    assert landed["tiny"] == ("DECIMAL(38,20)", [Decimal("1e-20")])
    assert landed["mixed"] == ("DECIMAL(9,5)", [Decimal("0.00001")])


NAIVE = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001 - no zone
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)  # fmt: skip
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(),
    "numeric(20,5)": st.decimals(-(10**14), 10**14, places=5),
    "numeric": st.decimals(-(10**28), 10**28, places=9),
    "text": TEXT,
    "bytea": st.binary(),
    "uuid": st.uuids().map(str),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": NAIVE,
    "timestamptz": NAIVE.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    "jsonb": JSON.map(json.dumps),
}


@given(rows=st.lists(st.tuples(*(st.none() | values for values in COLUMNS.values())), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_is_read_unchanged(sql_server: PostgresServer, database: str, rows: list[tuple[Any, ...]]) -> None:
    """The reader returns every value unchanged, for any page size."""
    names = [f"c{number}" for number in range(len(COLUMNS))]
    declared = ", ".join(f"{name} {kind}" for name, kind in zip(names, COLUMNS, strict=True))
    marks = ", ".join(["%s"] * len(names))
    with sql_server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS orders; CREATE TABLE orders ({declared})")
        cursor.executemany(f"INSERT INTO orders VALUES ({marks})", rows)
    with open_database(find_connection("shop", "sales_db")) as reader:
        table = reader.describe("public", "orders", {})
        pages = list(reader.read(build_select(table, table.columns), table.columns, 7))
    assert all(page.num_rows <= 7 for page in pages)
    read = [tuple(row.values()) for page in pages for row in page.to_pylist()]
    assert [_comparable(row) for row in read] == [_comparable(row) for row in rows]


def _comparable(row: tuple[Any, ...]) -> list[Any]:
    """Returns the values, with NaN replaced by a value that equals itself and JSON parsed."""
    values = ["NaN" if isinstance(value, float) and math.isnan(value) else value for value in row]
    return [*values[:-1], json.loads(values[-1]) if values[-1] is not None else None]


def test_a_view_and_names_of_any_kind_are_read(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """Mixed case, quotes, SQL keywords and other schemas are allowed in names."""
    sql_server.query(
        'CREATE SCHEMA "Sales"; CREATE TABLE "Sales"."My ""Table" (id int, "Mixed Case" int, "select" int, "a""b" int);'
        'INSERT INTO "Sales"."My ""Table" VALUES (1, 2, 3, 4); CREATE VIEW "Sales"."V" AS TABLE "Sales"."My ""Table"',
        database=database,
    )
    for name in ('My "Table', "V"):
        sql_tree.read("write_disposition: replace", schema="Sales", table=name, query_filter='"Mixed Case" = 2')
        sql_tree.load("shop.landed")
        assert {name: values for name, (_, values) in sql_tree.landed().items()} == {
            "id": [1], "mixed_case": [2], "select": [3], "a_b": [4]
        }  # fmt: skip


MISSING: dict[str, tuple[dict[str, Any], str]] = {
    "table": ({"table": "order"}, "no table 'order' in the search path; 1 tables and views there. Did"),
    "schema": ({"schema": "sales"}, "has no table 'orders' in schema 'sales'; no tables or views there"),
    "include": ({"include": ["idd"]}, "include: public.orders has no column 'idd'; it has id, at, note. Did"),
    "exclude": ({"exclude": ["x"]}, "exclude: public.orders has no column 'x'"),
    "nothing-left": ({"include": ["id"], "exclude": ["id"]}, "include and exclude leave no column"),
    "filter": ({"query_filter": "1=1; drop table orders"}, "which contains 2 statements"),
    "filter-column": ({"query_filter": "colour = 'red'"}, 'column "colour" does not exist'),
    "filter-no-condition": ({"query_filter": "id"}, "argument of WHERE must be type boolean"),
}  # fmt: skip


@pytest.mark.parametrize(("kwargs", "message"), MISSING.values(), ids=MISSING)
def test_a_missing_name_is_refused(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, kwargs: dict[str, Any], message: str
) -> None:
    """The error shows the requested name, the existing names and the nearest spelling; the table is unchanged."""
    sql_server.query("CREATE TABLE orders (id int, at timestamptz, note text)", database=database)
    sql_tree.read(**kwargs)
    with pytest.raises(FoundationError) as caught:
        sql_tree.load("shop.landed")
    assert message in str(caught.value)
    assert sql_server.query("SELECT count(*) FROM orders", database=database) == [(0,)]


def test_columns_and_rows_are_chosen(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """`include`, `exclude` and `query_filter` select columns and rows; the filter is in parentheses."""
    sql_server.query("CREATE TABLE orders (id int, status text, secret text, note text)", database=database)
    sql_server.query("INSERT INTO orders VALUES (1, 'active', 's', 'a%'), (2, 'closed', 's', 'b')", database=database)
    wanted = "status = 'active' or note like 'a%'"
    sql_tree.read(include=["note", "id", "secret"], exclude="secret", query_filter=wanted, schema="public")
    sql_tree.load("shop.landed")
    assert {name: values for name, (_, values) in sql_tree.landed().items()} == {"id": [1], "note": ["a%"]}


def test_a_lost_connection_leaves_the_table_unchanged(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is unchanged, and the error is one that is retried."""
    sql_server.query("CREATE TABLE orders AS SELECT 1 AS id, 'x' AS note", database=database)
    sql_tree.read("write_disposition: replace", chunk_size=1000)
    sql_tree.load("shop.landed")
    sql_server.query(
        "INSERT INTO orders SELECT i, repeat('x', 200) FROM generate_series(1, 300000) i", database=database
    )
    read = PostgresDatabase.read

    def read_and_lose(self: PostgresDatabase, *args: Any) -> Any:
        pages = read(self, *args)
        yield next(pages)
        sql_server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", database)
        yield from pages

    monkeypatch.setattr(PostgresDatabase, "read", read_and_lose)
    with pytest.raises(LoadError, match=r"2 times: ConnectionError: 'sales_db'(?s:.*)may pass by itself") as caught:
        sql_tree.load("shop.landed")
    assert PASSWORD not in str(caught.value)
    assert sql_tree.query("select id from raw.landed") == [1]


def test_a_table_is_read_in_one_snapshot(sql_server: PostgresServer, database: str) -> None:
    """Rows that others commit during the read are not read, even if they are read later on the same connection."""
    sql_server.query("CREATE TABLE orders AS SELECT 1 AS id", database=database)
    with open_database(find_connection("shop", "sales_db")) as reader:
        table = reader.describe(None, "orders", {})
        sql_server.query("INSERT INTO orders VALUES (2)", database=database)
        pages = list(reader.read(build_select(table, table.columns), table.columns, 10))
    assert [page.to_pylist() for page in pages] == [[{"id": 1}]]


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "password": (lambda address: address.replace("secret", "s3cretive"), "password authentication failed"),
    "database": (lambda address: f"{address}x", "does not exist"),
    "nobody-listens": (lambda address: address.rsplit(":", 1)[0] + ":1/x", "Connection refused"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_a_connection_error_does_not_show_the_password(
    sql_tree: SqlTree,
    sql_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[str], str],
    message: str,
) -> None:  # fmt: skip
    """The message names the database and the reason, and contains no secret."""
    address = change(dsn(sql_server, "postgres"))
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", address)
    sql_tree.read()
    with pytest.raises(LoadError, match=message) as caught:
        sql_tree.load("shop.landed")
    assert "'sales_db' (postgresql" in str(caught.value)
    for secret in (PASSWORD, "administrator", "s3cretive"):
        assert secret not in str(caught.value)


def test_a_sample_reads_no_more_than_it_takes(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """`limit` is in the SELECT, so a preview of a large table is quick."""
    sql_server.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 5000) i", database=database)
    sql_tree.read()
    assert sql_tree.load("shop.landed", limit=7).rows == 7
    running = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'data-foundation'"
    assert sql_server.query(running, database) == [(0,)]
