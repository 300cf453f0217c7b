"""Tests of `data_foundation.readers.sql` on real SQLite files, where any column may hold any value."""

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_foundation.errors import FoundationError, LoadError, ValueRefused
from data_foundation.readers.sql.database_settings import Connection
from data_foundation.readers.sql.statement import build_select
from data_foundation.readers.sql.table_reader import open_database
from tests.support.sql_sources import SqlTree, file, run_sqlite, sql_tree

__all__ = ["file", "sql_tree"]

MOMENT = dt.datetime(2024, 1, 1, 10, 34, 56, 789012, dt.UTC)
TYPES: dict[str, tuple[str, str, Any]] = {
    "INTEGER": ("-9223372036854775808", "BIGINT", -(2**63)),
    "TINYINT(1)": ("2", "BIGINT", 2),
    "BOOLEAN": ("1", "BOOLEAN", True),
    "DOUBLE PRECISION": ("0.1", "DOUBLE", 0.1),
    "REAL": ("1", "DOUBLE", 1.0),
    "DECIMAL(10,2)": ("0.1", "DECIMAL(10,2)", Decimal("0.1")),
    "NUMERIC(5)": ("12", "DECIMAL(5,0)", Decimal(12)),
    "NUMERIC": ("1.5", "DECIMAL(38,9)", Decimal("1.5")),
    "TEXT": ("'Ä 😀'", "VARCHAR", "Ä 😀"),
    "VARCHAR(5)": ("'longer than five'", "VARCHAR", "longer than five"),
    "BLOB": ("x'00ff'", "BLOB", b"\x00\xff"),
    "JSON": ("'{\"a\": 1.10}'", "JSON", '{"a": 1.10}'),
    "DATE": ("'2024-02-29'", "DATE", dt.date(2024, 2, 29)),
    "TIME": ("'12:34:56.789012'", "TIME", dt.time(12, 34, 56, 789012)),
    "DATETIME": ("'2024-01-01 10:34:56.789012'", "TIMESTAMP WITH TIME ZONE", MOMENT),
    "TIMESTAMP": ("'2024-01-01T12:34:56.789012+02:00'", "TIMESTAMP WITH TIME ZONE", MOMENT),
    "": ("7", "BIGINT", 7),
    "ANYTHING": ("'x'", "VARCHAR", "x"),
}


def test_every_declared_type_has_its_type_in_the_warehouse(sql_tree: SqlTree, file: Path) -> None:
    """The declared type decides; without one, the values do."""
    names = [f"c{number}" for number in range(len(TYPES))]
    declared = ", ".join(f"{name} {kind}" for name, kind in zip(names, TYPES, strict=True))
    given_values = ", ".join(literal for literal, _, _ in TYPES.values())
    run_sqlite(file, f"CREATE TABLE orders (id INTEGER PRIMARY KEY, {declared});"
                     f"INSERT INTO orders VALUES (1, {given_values}); INSERT INTO orders (id) VALUES (2)")  # fmt: skip
    sql_tree.read("write_disposition: replace")
    sql_tree.load("shop.landed")
    landed = sql_tree.landed()
    expected = {kind: (landed_as, [value, None]) for kind, (_, landed_as, value) in TYPES.items()}
    assert {kind: landed[name] for name, kind in zip(names, TYPES, strict=True)} == expected


REFUSED = {
    "text-in-an-integer": ("INTEGER", "'many'", "got a str, which does not fit int64"),
    "half-in-an-integer": ("INTEGER", "1.5", "got a number, which does not fit int64"),
    "two-in-a-boolean": ("BOOLEAN", "2", "got a number, which does not fit bool"),
    "bytes-in-a-text": ("TEXT", "x'41'", "got a bytes, which does not fit string"),
    "cents-in-whole-units": ("DECIMAL(5,0)", "1.5", "got a number, which does not fit decimal128(5, 0)"),
    "words-in-a-date": ("DATE", "'tomorrow'", "got a str, which does not fit date32[day]"),
    "seconds-in-a-datetime": ("DATETIME", "1704105296", "got a number, which does not fit timestamp[us, tz=UTC]"),
    "nanoseconds": ("DATETIME", "'2024-01-01 00:00:00.1234567'", "got a str, which does not fit timestamp"),
    "a-day-of-a-time": ("DATE", "'2024-01-01 12:00:00'", "got a str, which does not fit date32[day]"),
}


@pytest.mark.parametrize(("kind", "literal", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_value_of_another_type_is_refused(
    sql_tree: SqlTree, file: Path, kind: str, literal: str, reason: str
) -> None:
    """The error names row and column, and the line for sources.yaml that makes the load succeed."""
    run_sqlite(
        file, f"CREATE TABLE orders (id INTEGER, odd {kind}); INSERT INTO orders VALUES (1, NULL), (2, {literal})"
    )
    sql_tree.read()
    with pytest.raises(ValueRefused, match="row 2, column odd") as caught:
        sql_tree.load("shop.landed")
    assert reason in str(caught.value)
    sql_tree.read("columns: {odd: {data_type: text}}")
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["odd"][0] == "VARCHAR"


def test_a_column_without_a_type_whose_values_disagree_is_refused(sql_tree: SqlTree, file: Path) -> None:
    """The type cannot be inferred, so it must be set in `columns`."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER, odd); INSERT INTO orders VALUES (1, 'x'), (2, 2)")
    sql_tree.read()
    with pytest.raises(LoadError, match="column odd has no declared type and contains integer and text"):
        sql_tree.load("shop.landed")


NAIVE = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001 - no zone
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "BOOLEAN": (st.booleans(), bool),
    "INTEGER": (st.integers(-(2**63), 2**63 - 1), int),
    "DOUBLE": (st.floats(allow_nan=False), float),
    "DECIMAL(12,2)": (
        st.integers(-(10**11), 10**11).map(lambda cents: cents / 100),
        lambda value: round(Decimal(value), 2),
    ),
    "TEXT": (st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), str),
    "BLOB": (st.binary(), bytes),
    "DATE": (st.dates().map(str), dt.date.fromisoformat),
    "TIME": (st.times().map(str), dt.time.fromisoformat),
    "DATETIME": (NAIVE.map(str), lambda text: dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)),
}  # fmt: skip


@given(rows=st.lists(st.tuples(*(st.none() | values for values, _ in COLUMNS.values())), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_is_read_unchanged(file: Path, rows: list[tuple[Any, ...]]) -> None:
    """The reader returns every value unchanged, for any page size."""
    names = [f"c{number}" for number in range(len(COLUMNS))]
    declared = ", ".join(f"{name} {kind}" for name, kind in zip(names, COLUMNS, strict=True))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(f"DROP TABLE IF EXISTS orders; CREATE TABLE orders ({declared})")
        connection.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * len(names))})", rows)
    with open_database(Connection("sales_db", "sqlite", database=str(file))) as reader:
        table = reader.describe(None, "orders", {})
        pages = list(reader.read(build_select(table, table.columns), table.columns, 7))
    read = [tuple(row.values()) for page in pages for row in page.to_pylist()]
    converts = [convert for _, convert in COLUMNS.values()]
    meant = [
        tuple(value if value is None else convert(value) for value, convert in zip(row, converts, strict=True))
        for row in rows
    ]
    assert read == meant


def test_names_of_any_case_are_found(sql_tree: SqlTree, file: Path) -> None:
    """SQLite's names are case-insensitive, and are loaded as declared."""
    run_sqlite(
        file, 'CREATE TABLE "My Orders" (ID INTEGER, "Mixed Case" TEXT); INSERT INTO "My Orders" VALUES (1, \'x\')'
    )
    sql_tree.read(table="my orders", schema="main", query_filter="\"mixed case\" = 'x'")
    sql_tree.load("shop.landed")
    assert {name: values for name, (_, values) in sql_tree.landed().items()} == {"id": [1], "mixed_case": ["x"]}


MISSING: dict[str, tuple[str, dict[str, Any], str]] = {
    "file": ("", {}, "not found; set `database` to the path of the SQLite file"),
    "table": ("CREATE TABLE orders (id INTEGER)", {"table": "order"}, "has no table 'order' in the search path"),
    "schema": ("CREATE TABLE orders (id INTEGER)", {"schema": "sales"}, "no such table: sales.sqlite_master"),
    "filter": ("CREATE TABLE orders (id INTEGER)", {"query_filter": "colour = 'red'"}, "no such column: colour"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "kwargs", "message"), MISSING.values(), ids=MISSING)
def test_a_missing_name_is_refused(
    sql_tree: SqlTree, file: Path, script: str, kwargs: dict[str, Any], message: str
) -> None:
    """A wrong path creates no file, and every error names the connection."""
    if script:
        run_sqlite(file, script)
    sql_tree.read(**kwargs)
    with pytest.raises(FoundationError, match=message):
        sql_tree.load("shop.landed")
    assert file.exists() == bool(script)


def test_a_file_that_is_not_a_database_is_refused(sql_tree: SqlTree, file: Path) -> None:
    """The file is not changed."""
    file.write_text("id,name\n1,x\n" * 100)
    sql_tree.read()
    with pytest.raises(LoadError, match="file is not a database"):
        sql_tree.load("shop.landed")
    assert file.read_text().startswith("id,name")


def test_a_table_of_a_thousand_columns_is_loaded(sql_tree: SqlTree, file: Path) -> None:
    """All columns are loaded, in order."""
    names = [f"c{number}" for number in range(1000)]
    run_sqlite(file, f"CREATE TABLE orders ({', '.join(f'{name} INTEGER' for name in names)});"
                     f"INSERT INTO orders VALUES ({', '.join(map(str, range(1000)))})")  # fmt: skip
    sql_tree.read()
    sql_tree.load("shop.landed")
    assert [values for _, values in sql_tree.landed().values()] == [[number] for number in range(1000)]
