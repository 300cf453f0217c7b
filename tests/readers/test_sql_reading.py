"""Tests of `data_foundation.readers.sql`: parallel reading by ranges, and skipping unchanged tables."""

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from data_foundation.errors import ConfigError, EntryError, FoundationError
from data_foundation.readers.read_ahead import READY, ReadAhead
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from data_foundation.readers.sql.key_ranges import find_key, find_ranges
from data_foundation.readers.sql.statement import build_select
from data_foundation.readers.sql.table_reader import open_database
from tests.support.locations import Location, landed
from tests.support.postgres_server import PostgresServer
from tests.support.sql_sources import SOURCE, SqlTree, database, file, run_sqlite, sql_server, sql_tree

__all__ = ["database", "file", "sql_server", "sql_tree"]

KEYS = {
    "numbers": ("int8", "i"),
    "few-numbers": ("int8", "i % 2"),
    "one-number": ("int8", "1"),
    "negative": ("int2", "i - 500"),
    "decimals": ("numeric(20)", "i * 1000000000000"),
    "days": ("date", "date '2024-01-01' + i"),
    "moments": ("timestamptz", "timestamptz '2024-01-01' + i * interval '1 second'"),
    "gaps": ("int8", "CASE WHEN i > 500 THEN i * 1000000 ELSE NULLIF(i, 7) END"),
    "none": ("int8", "NULL"),
}


@pytest.mark.parametrize(("kind", "values"), KEYS.values(), ids=KEYS)
def test_every_row_is_in_exactly_one_range(sql_server: PostgresServer, database: str, kind: str, values: str) -> None:
    """Every row is in exactly one range, for any kind of key; rows without a key are read too."""
    sql_server.query(f"CREATE TABLE orders AS SELECT i AS id, ({values})::{kind} AS k FROM generate_series(1, 1000) i",
                     database=database)  # fmt: skip
    with open_database(find_connection("shop", "sales_db")) as reader:
        table = reader.describe(None, "orders", {})
        ranges = find_ranges(reader, table, find_key(table, "k"), [], 4)
        read = []
        for part in ranges:
            select = build_select(table, table.columns[:1], part)
            read += [
                row for page in reader.read(select, table.columns[:1], 100) for row in page.column("id").to_pylist()
            ]
    assert sorted(read) == list(range(1, 1001))
    assert len(ranges) <= 4


def test_ranges_are_read_in_parallel_in_one_snapshot(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections use one snapshot, so rows that move between ranges during the read are read once."""
    sql_server.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 1000) i;"
                     "ALTER TABLE orders ADD PRIMARY KEY (id)", database=database)  # fmt: skip
    beside = PostgresDatabase.beside
    reads: list[Any] = []
    read = PostgresDatabase.read

    def move(self: PostgresDatabase) -> PostgresDatabase:
        sql_server.query("UPDATE orders SET id = id + 5000 WHERE id <= 10", database=database)
        return beside(self)

    def note(self: PostgresDatabase, *args: Any) -> Iterator[Any]:
        reads.append(self)
        yield from read(self, *args)

    monkeypatch.setattr(PostgresDatabase, "beside", move)
    monkeypatch.setattr(PostgresDatabase, "read", note)
    sql_tree.read(parallelism=4)
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == list(range(1, 1001))
    assert len(set(map(id, reads))) == 4


WRONG: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "no-key": ({"parallelism": 2}, [], "public.orders needs partition_on, the column to divide the table by"),
    "text-key": ({"parallelism": 2, "partition_on": "note"}, [], "column note is text; accepted are whole numbers"),
    "no-column": ({"parallelism": 2, "partition_on": "x"}, [], "partition_on: public.orders has no column 'x'"),
    "order": ({"parallelism": 2, "partition_on": "id"}, ["incremental: {cursor_path: id, row_order: asc}"], "no order"),
    "none-at-all": ({"parallelism": 0}, [], "parallelism: got 0; accepted is a whole number, 1 or more"),
    "size": ({"chunk_size": "many"}, [], "chunk_size: got 'many'; accepted is a whole number, 1 or more"),
    "probe-column": ({"skip_unchanged": "x"}, [], "skip_unchanged: public.orders has no column 'x'"),
    "probe-and-cursor": ({"skip_unchanged": "id"}, ["incremental: {cursor_path: id}"], "reads only new rows"),
}  # fmt: skip


@pytest.mark.parametrize(("kwargs", "settings", "message"), WRONG.values(), ids=WRONG)
def test_arguments_that_exclude_each_other_are_refused(  # noqa: PLR0913, PLR0917 - a row of the table above, and the database
    sql_tree: SqlTree,
    sql_server: PostgresServer,
    database: str,
    kwargs: dict[str, Any],
    settings: list[str],
    message: str,
) -> None:
    """The error names the argument and shows what is accepted."""
    sql_server.query("CREATE TABLE orders AS SELECT 1 AS id, 'x' AS note", database=database)
    sql_tree.read(*settings, **kwargs)
    with pytest.raises(FoundationError) as caught:
        sql_tree.load("shop.landed")
    assert message in str(caught.value)


UPSERT = ("write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id")


@pytest.mark.parametrize(
    ("settings", "is_accepted"),
    [((), True), (UPSERT, True), (["write_disposition: append"], False), (["write_disposition: replace"], False)],
)
def test_a_merge_on_the_key_is_no_other_disposition(
    sql_tree: SqlTree, file: Path, settings: Sequence[str], *, is_accepted: bool
) -> None:
    """An append would add a row of its key for each change, and a run would be green."""
    run_sqlite(file, "create table keyed (id integer primary key); insert into keyed values (1)")
    sql_tree.read(*settings, table="keyed", merge_on_key=True)
    if is_accepted:
        assert [sql_tree.load("shop.landed").row_count for _ in range(2)] == [1, 1]
    else:
        with pytest.raises(EntryError, match="`write_disposition` is set to another one than merge"):
            sql_tree.load("shop.landed")


def test_a_sqlite_file_has_one_reader(sql_tree: SqlTree, file: Path) -> None:
    """SQLite would be no faster with two connections."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)")
    sql_tree.read(parallelism=2)
    with pytest.raises(EntryError, match="parallelism: several connections do not read sqlite faster"):
        sql_tree.load("shop.landed")


@pytest.mark.parametrize("on_empty", ["keep", "truncate", "fail"])
def test_an_unchanged_table_keeps_its_rows(sql_tree: SqlTree, file: Path, on_empty: str) -> None:
    """A read that is skipped is not a replace without rows, so `on_empty` does not apply."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER, at DATE); INSERT INTO orders VALUES (1, '2024-01-01')")
    sql_tree.read("write_disposition: replace", f"on_empty: {on_empty}", skip_unchanged="at")
    assert sql_tree.load("shop.landed").rows == 1
    again = sql_tree.load("shop.landed")
    assert (again.rows, again.row_count) == (0, 1)
    assert any("as at its last load" in warning for warning in again.warnings)
    assert [check.message for check in again.checks if not check.passed] == []


def test_an_unchanged_table_is_not_read_again(sql_tree: SqlTree, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log explains the skipped read; a new row, a new time, another filter and `refresh` are read."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER, at DATE); INSERT INTO orders VALUES (1, '2024-01-01')")
    caplog.set_level(logging.INFO, "data_foundation")
    sql_tree.read("write_disposition: replace", skip_unchanged="at")
    assert sql_tree.load("shop.landed").rows == 1
    assert sql_tree.load("shop.landed").rows == 0
    assert "orders has 1 rows and no at after 2024-01-01, as at its last load: no rows were read" in caplog.text
    assert sql_tree.landed()["id"][1] == [1]
    assert sql_tree.load("shop.landed", refresh="state").rows == 1
    run_sqlite(file, "UPDATE orders SET at = '2024-01-02'")
    assert sql_tree.load("shop.landed").rows == 1
    run_sqlite(file, "INSERT INTO orders VALUES (2, '2024-01-01')")
    assert sql_tree.load("shop.landed").rows == 2
    sql_tree.read("write_disposition: replace", skip_unchanged="at", query_filter="id > 0")
    assert sql_tree.load("shop.landed").rows == 2
    assert sql_tree.load("shop.landed").rows == 0


def test_a_sample_does_not_mark_a_table_as_read(sql_tree: SqlTree, file: Path) -> None:
    """The rows that a sample left out are read by the next run."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1), (2)")
    sql_tree.read("write_disposition: replace", skip_unchanged="id")
    assert sql_tree.load("shop.landed", limit=1).rows == 1
    assert sql_tree.load("shop.landed").rows == 2


def test_a_failed_load_does_not_mark_a_table_as_read(sql_tree: SqlTree, file: Path) -> None:
    """The fingerprint of the table is committed with the rows, or not at all."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER, odd INTEGER); INSERT INTO orders VALUES (1, 'x')")
    sql_tree.read("write_disposition: replace", skip_unchanged="id")
    with pytest.raises(FoundationError, match="row 1, column odd"):
        sql_tree.load("shop.landed")
    sql_tree.read("write_disposition: replace", "columns: {odd: {data_type: text}}", skip_unchanged="id")
    assert sql_tree.load("shop.landed").rows == 1


def test_a_folder_needs_no_code_of_its_own(sql_tree: SqlTree, file: Path) -> None:  # noqa: ARG001 - sets the connection
    """The entry is found and its arguments are checked as text: nothing is imported, no connection opened."""
    sql_tree.read()
    sql_tree.check("shop")
    sql_tree.read(tabel="orders")
    with pytest.raises(ConfigError, match="got an unexpected keyword argument 'tabel'"):
        sql_tree.check("shop")


def test_reading_ahead_is_bounded() -> None:
    """Memory is bounded, because reading waits for a slow warehouse."""
    given: list[int] = []

    def pages() -> Iterator[int]:
        while True:
            given.append(0)
            yield 0

    ahead = iter(ReadAhead([pages], []))
    next(ahead)
    time.sleep(0.2)
    assert len(given) <= READY + 2
    ahead.close()  # type: ignore[attr-defined] # a generator
    assert not [thread for thread in threading.enumerate() if "_run" in thread.name]


def test_an_error_of_one_reader_stops_all() -> None:
    """The first error is raised where the pages are consumed, and all readers stop."""
    interrupted: list[str] = []

    def fails() -> Iterator[int]:
        yield 1
        raise ConnectionError("lost")

    def endless() -> Iterator[int]:
        while True:
            yield 0

    with pytest.raises(ConnectionError, match="lost"):
        list(ReadAhead([fails, endless], [lambda: interrupted.append("a")]))
    assert interrupted == ["a"]


def test_bounds_of_time_ranges_are_times(sql_server: PostgresServer, database: str) -> None:
    """Ranges of times have times as bounds."""
    sql_server.query("CREATE TABLE orders (at timestamptz); INSERT INTO orders VALUES ('2024-01-01Z'), ('2024-01-03Z')",
                     database=database)  # fmt: skip
    with open_database(find_connection("shop", "sales_db")) as reader:
        table = reader.describe(None, "orders", {})
        first, last = find_ranges(reader, table, find_key(table, "at"), [], 2)
    middle = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
    assert [list(sa.and_(*part).compile().params.values()) for part in (first, last)] == [[middle], [middle]]


def test_a_table_is_an_asset_like_any_other(tmp_path: Path, file: Path) -> None:
    """Dagster materializes a folder that has only `sources.yaml`."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1), (2)")
    location = Location(tmp_path)
    location.write(
        "dlthub/shop/sources.yaml", SOURCE.format(kwargs="{connection: sales_db, table: orders}", settings="")
    )
    assert landed(location.materialize()) == {"raw/landed"}
    assert location.query("select id from raw.landed order by id") == [(1,), (2,)]


def test_a_deleted_row_is_retired_in_scd2(sql_tree: SqlTree, file: Path) -> None:
    """In a table that is read completely each time, a changed row gets a version, and a deleted row is retired."""
    run_sqlite(file, "CREATE TABLE orders (id INTEGER PRIMARY KEY, amount DECIMAL(10, 2), day DATE);"
                     "INSERT INTO orders VALUES (1, 1.5, '2024-01-01'), (2, 2.5, NULL), (3, 3.5, NULL)")  # fmt: skip
    sql_tree.read("write_disposition: {disposition: merge, strategy: scd2}")
    sql_tree.load("shop.landed")
    sql_tree.load("shop.landed")
    run_sqlite(file, "DELETE FROM orders WHERE id = 2; UPDATE orders SET amount = 4 WHERE id = 3")
    sql_tree.load("shop.landed")
    found = sql_tree.query("SELECT id, amount, _dlt_valid_to IS NULL FROM raw.landed ORDER BY id, _dlt_valid_from")
    assert found == [
        (1, Decimal("1.50"), True),
        (2, Decimal("2.50"), False),
        (3, Decimal("3.50"), False),
        (3, Decimal("4.00"), True),
    ]
    assert sql_tree.landed()["amount"][0] == "DECIMAL(10,2)"
