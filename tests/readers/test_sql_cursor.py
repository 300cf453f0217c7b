"""Tests of incremental loads with `data_foundation.readers.sql` on real databases."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import FoundationError, LoadError
from data_foundation.readers.sql.table_reader import TableReader
from tests.support.postgres_server import PostgresServer
from tests.support.sql_sources import SqlTree, database, file, run_sqlite, sql_server, sql_tree

__all__ = ["database", "file", "sql_server", "sql_tree"]

CURSORS: dict[str, tuple[str, str, list[str], Any]] = {
    "timestamptz": ("timestamptz", '"2024-01-01"', ["2023-12-31", "2024-01-01", "2024-01-02T12:00:00.123456Z"],
                    dt.datetime(2024, 1, 2, 12, 0, 0, 123456, dt.UTC)),
    "timestamp": ("timestamp", "2024-01-01T00:00:00Z", ["2023-12-31", "2024-01-01", "2024-01-02 12:00"],
                  dt.datetime(2024, 1, 2, 12)),  # noqa: DTZ001 - it has no zone
    "date": ("date", '"2024-01-01"', ["2023-12-31", "2024-01-01", "2024-01-02"], dt.date(2024, 1, 2)),
    "number": ("int8", "10", ["9", "10", "11"], 11),
    "decimal": ("numeric(10,2)", "10", ["9.99", "10.00", "10.01"], None),
    "text": ("text", '"b"', ["a", "b", "c"], "c"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "initial", "values", "last"), CURSORS.values(), ids=CURSORS)
def test_only_new_rows_are_read(  # noqa: PLR0913, PLR0917 - a row of the table above, and the database
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, kind: str, initial: str, values: list[str], last: Any
) -> None:
    """Initial value and cursor are in the SELECT; rows at the cursor are neither lost nor loaded twice."""
    given = ", ".join(f"({number}, '{value}')" for number, value in enumerate(values))
    sql_server.query(f"CREATE TABLE orders (id int, at {kind}); INSERT INTO orders VALUES {given}", database=database)
    sql_tree.read("write_disposition: append", f"incremental: {{cursor_path: at, initial_value: {initial}}}")
    first = sql_tree.load("shop.landed")
    assert (first.rows, first.cursor[1]) == (2, last or first.cursor[1])
    shutil.rmtree(sql_tree.root / "data" / "pipelines")  # the cursor is in the warehouse
    assert sql_tree.load("shop.landed").rows == 0
    sql_server.query(f"INSERT INTO orders SELECT 7, max(at) FROM orders", database=database)  # noqa: F541
    assert sql_tree.load("shop.landed").rows == 1
    assert sql_tree.landed()["id"][1] == [1, 2, 7]


def test_the_server_reads_only_new_rows(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition is in the SELECT, quoted, combined with the filter."""
    sql_server.query("CREATE TABLE orders AS SELECT 1 AS id, timestamptz '2024-02-01' AS \"At\", 'a' AS status",
                     database=database)  # fmt: skip
    seen: list[str] = []
    select = TableReader.select

    def note(self: TableReader) -> Any:
        made = select(self)
        seen.append(" ".join(str(made.compile(compile_kwargs={"literal_binds": True})).split()))
        return made

    monkeypatch.setattr(TableReader, "select", note)
    sql_tree.read('incremental: {cursor_path: At, initial_value: "2024-01-01", row_order: asc}',
                  query_filter="status = 'a' or status = 'b'")  # fmt: skip
    sql_tree.load("shop.landed")
    (statement,) = seen
    assert statement.startswith('SELECT "id", "At", "status" FROM "public"."orders" WHERE ')
    in_range = '("At" >= \'2024-01-01 00:00:00+00:00\' OR "At" IS NULL)'
    assert statement.endswith(f"{in_range} AND (status = 'a' or status = 'b') ORDER BY \"At\" ASC")


def test_a_requested_range_does_not_move_the_cursor(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str
) -> None:
    """A backfill reads from its start, inclusive, to its end, exclusive."""
    sql_server.query("CREATE TABLE orders AS SELECT i AS id, timestamptz '2024-01-01' + i * interval '1 day' AS at "
                     "FROM generate_series(0, 9) i", database=database)  # fmt: skip
    sql_tree.read("write_disposition: merge", "primary_key: id",
                  'incremental: {cursor_path: at, initial_value: "2024-01-01T00:00:00Z"}')  # fmt: skip
    assert sql_tree.load("shop.landed", start="2024-01-03", end="2024-01-05").rows == 2
    assert sql_tree.landed()["id"][1] == [2, 3]
    again = sql_tree.load("shop.landed")
    assert (again.rows, again.cursor) == (10, (None, dt.datetime(2024, 1, 10, tzinfo=dt.UTC)))


def test_lag_reads_late_rows_again(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """`lag` is in the SELECT too."""
    sql_server.query("CREATE TABLE orders AS SELECT 1 AS id, timestamptz '2024-01-02' AS at", database=database)
    sql_tree.read("write_disposition: merge", "primary_key: id",
                  "incremental: {cursor_path: at, initial_value: 2024-01-01T00:00:00Z, lag: 86400}")  # fmt: skip
    sql_tree.load("shop.landed")
    sql_server.query("INSERT INTO orders VALUES (2, '2024-01-01 12:00Z'), (3, '2023-12-31 12:00Z')", database=database)
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == [1, 2]


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_an_initial_value_that_is_text_is_converted_to_a_time(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, kind: str
) -> None:
    """An initial value given as text is converted to a time, with `lag` and in a range that is loaded again."""
    lag = 2 if kind == "date" else 2 * 86400
    sql_server.query(f"CREATE TABLE orders AS SELECT i AS id, (date '2024-01-01' + i)::{kind} AS at "
                     "FROM generate_series(0, 5) i", database=database)  # fmt: skip
    sql_tree.read("write_disposition: append", 'incremental: {cursor_path: at, initial_value: "2024-01-02"}')
    assert sql_tree.load("shop.landed").rows == 5
    again = sql_tree.load("shop.landed", start="2024-01-03", end="2024-01-05")
    assert (again.rows, again.row_count, again.warnings) == (2, 5, ())
    incremental = f'cursor_path: at, initial_value: "2024-01-02", lag: {lag}'
    sql_tree.read("write_disposition: merge", "primary_key: id", f"incremental: {{{incremental}}}")
    sql_server.query("UPDATE orders SET at = '2024-01-05' WHERE id = 0", database=database)
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == [0, 1, 2, 3, 4, 5]


EMPTY = {"include": [1, 2], "exclude": [1]}


@pytest.mark.parametrize(("missing", "ids"), EMPTY.items(), ids=EMPTY)
def test_rows_without_a_cursor_are_kept_or_dropped_as_configured(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, missing: str, ids: list[int]
) -> None:
    """A SQL comparison drops rows with NULL; they are dropped only if the configuration excludes them."""
    sql_server.query("CREATE TABLE orders (id int, at date); INSERT INTO orders VALUES (1, '2024-01-02'), (2, NULL)",
                     database=database)  # fmt: skip
    incremental = f'cursor_path: at, initial_value: "2024-01-01", on_cursor_value_missing: {missing}'
    sql_tree.read(f"incremental: {{{incremental}}}")
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == ids


def test_a_row_without_a_cursor_is_refused_by_default(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str
) -> None:
    """A row without a cursor value is refused, as dlt does for rows of any origin."""
    sql_server.query("CREATE TABLE orders (id int, at date); INSERT INTO orders VALUES (1, NULL)", database=database)
    sql_tree.read('incremental: {cursor_path: at, initial_value: "2024-01-01"}')
    with pytest.raises(LoadError, match="IncrementalCursorPathHasValueNone"):
        sql_tree.load("shop.landed")


WRONG = {
    "no-time": ('cursor_path: at, initial_value: "yesterday"', "got 'yesterday'; column at is date, so accepted is"),
    "no-number": ('cursor_path: id, initial_value: "many"', "got 'many'; column id is integer, so accepted is"),
    "no-column": ("cursor_path: att", "incremental.cursor_path: public.orders has no column 'att'"),
    "other-case": ("cursor_path: AT", "got 'AT'; accepted is the exact name of the column of public.orders, 'at'"),
}  # fmt: skip


@pytest.mark.parametrize(("incremental", "message"), WRONG.values(), ids=WRONG)
def test_an_unsupported_cursor_column_is_refused(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, incremental: str, message: str
) -> None:
    """The error shows the column's type and the accepted types."""
    sql_server.query("CREATE TABLE orders (id int, at date)", database=database)
    sql_tree.read(f"incremental: {{{incremental}}}")
    with pytest.raises(FoundationError) as caught:
        sql_tree.load("shop.landed")
    assert message in str(caught.value)


SPELLINGS = {
    "spaces": ["2023-12-31 00:00:00", "2024-01-01 00:00:00", "2024-01-02 12:00:00.123456"],
    "iso": ["2023-12-31T00:00:00Z", "2024-01-01T02:00:00+02:00", "2024-01-02T12:00:00.123456Z"],
}


@pytest.mark.parametrize("values", SPELLINGS.values(), ids=SPELLINGS)
def test_times_that_are_texts_are_compared_as_times(sql_tree: SqlTree, file: Path, values: list[str]) -> None:
    """A SQLite file may have times in several formats; the cursor finds the new rows in each."""
    given = ", ".join(f"({number}, '{value}')" for number, value in enumerate(values))
    run_sqlite(file, f"CREATE TABLE orders (id INTEGER, at DATETIME); INSERT INTO orders VALUES {given}")
    sql_tree.read('incremental: {cursor_path: at, initial_value: "2024-01-01"}')
    first = sql_tree.load("shop.landed")
    assert (first.rows, first.cursor[1]) == (2, dt.datetime(2024, 1, 2, 12, 0, 0, 123456, dt.UTC))
    run_sqlite(file, "INSERT INTO orders VALUES (7, '2024-01-02T12:00:00.123457Z')")
    assert sql_tree.load("shop.landed").rows == 1
    assert sql_tree.landed()["id"][1] == [1, 2, 7]
