"""Tests of `data_foundation.readers.sql` on a standby of PostgreSQL, with real streaming replication."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from data_foundation.errors import LoadError
from data_foundation.readers.sql.database import SourceTable
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from data_foundation.readers.sql.table_reader import open_database
from tests.support.postgres_server import DEADLINE, PostgresServer, run_server, run_standby
from tests.support.sql_sources import SqlTree, database, dsn, sql_server, sql_tree

__all__ = ["database", "sql_server", "sql_tree"]


@pytest.fixture
def servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A server, and its standby."""
    with run_server() as primary, run_standby(primary) as standby:
        yield primary, standby


def replayed(primary: PostgresServer, standby: PostgresServer) -> None:
    """Waits until the standby has replayed what the server has committed."""
    ((position,),) = primary.query("SELECT pg_current_wal_lsn()::text")
    deadline = time.monotonic() + DEADLINE
    while not standby.query(f"SELECT pg_last_wal_replay_lsn() >= '{position}'")[0][0]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


CANCELLED: Mapping[str, Mapping[str, Any]] = {
    # The driver gives such an error of a stream of rows no state, only its words.
    "rows": {},
    # Before the rows, one statement finds the ranges, whose error has the state 40001.
    "statement": {"parallelism": 2, "partition_on": "id"},
}


@pytest.mark.rare  # two servers of its own
@pytest.mark.parametrize("kwargs", CANCELLED.values(), ids=CANCELLED)
def test_a_read_that_a_standby_cancels_is_read_again(
    sql_tree: SqlTree,
    servers: tuple[PostgresServer, PostgresServer],
    monkeypatch: pytest.MonkeyPatch,
    kwargs: Mapping[str, Any],
) -> None:
    """A conflict with recovery is a passing fault: the next attempt reads another snapshot, and loads all of it."""
    primary, standby = servers
    primary.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 250) i")
    primary.query(
        "CREATE VIEW slow_orders AS SELECT orders.id FROM orders, LATERAL (SELECT pg_sleep(0.01), orders.id AS n) AS s"
    )
    replayed(primary, standby)
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", dsn(standby, "postgres"))
    describe, attempts = PostgresDatabase.describe, []

    def conflict(self: PostgresDatabase, schema: str | None, table: str, wanted: Mapping[str, Any]) -> SourceTable:
        found = describe(self, schema, table, wanted)
        attempts.append(found)
        if len(attempts) == 1:
            writer.start()
        return found

    def write() -> None:
        time.sleep(0.5)  # each statement takes two seconds and a half
        primary.query("DELETE FROM orders WHERE id <= 10")
        primary.query("VACUUM orders")

    writer = threading.Thread(target=write)

    monkeypatch.setattr(PostgresDatabase, "describe", conflict)
    sql_tree.read("write_disposition: replace", table="slow_orders", **kwargs)
    assert sql_tree.load("shop.landed").rows == 240
    writer.join(DEADLINE)
    assert len(attempts) == 2
    assert sql_tree.landed()["id"][1] == list(range(11, 251))


@pytest.mark.rare
def test_a_standby_that_lags_deletes_no_rows(
    sql_tree: SqlTree, servers: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a name for several, an earlier state after a later one fails the load: rows that it lacks stay."""
    primary, standby = servers
    primary.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 10) i")
    replayed(primary, standby)
    standby.query("SELECT pg_wal_replay_pause()")
    primary.query("INSERT INTO orders VALUES (11)")
    settings = ("write_disposition: merge", "primary_key: id", "incremental: {cursor_path: id}")
    sql_tree.read(*settings, deleted="hard")
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", dsn(primary, "postgres"))
    assert sql_tree.load("shop.landed").row_count == 11
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", dsn(standby, "postgres"))
    with pytest.raises(LoadError, match="the database shows an earlier state than at an earlier load"):
        sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == list(range(1, 12))
    primary.query("DELETE FROM orders WHERE id = 3")
    standby.query("SELECT pg_wal_replay_resume()")
    replayed(primary, standby)
    assert sql_tree.load("shop.landed").deleted == 1
    assert sql_tree.landed()["id"][1] == [1, 2, *range(4, 12)]


def test_a_run_without_new_rows_is_no_load(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `deleted` knows of the server's state is stored with rows alone; a user with no more rights can read it."""
    sql_server.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 3) i", database=database)
    sql_server.query("CREATE ROLE plain LOGIN PASSWORD 'plain'; GRANT SELECT ON orders TO plain", database=database)
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", f"postgresql://plain:plain@127.0.0.1:{sql_server.port}/{database}")
    sql_tree.read("write_disposition: merge", "primary_key: id", "incremental: {cursor_path: id}", deleted="hard")
    for number, loads in ((4, 1), (None, 2), (None, 2)):
        sql_tree.load("shop.landed")
        assert sql_tree.query("select count(*) from raw._dlt_loads") == [loads]
        if number:
            sql_server.query(f"INSERT INTO orders VALUES ({number})", database=database)
    connection = find_connection("shop", "sales_db")
    with open_database(connection) as first, open_database(connection) as second:
        sql_server.query("INSERT INTO orders VALUES (5)", database=database)
        earlier = first.progress()
        sql_server.query("INSERT INTO orders VALUES (6)", database=database)
        later = second.progress()
    assert earlier
    assert later
    assert (earlier.is_before(later), later.is_before(earlier), later.is_before(later)) == (True, False, False)
    assert not earlier.is_before(replace(later, system="another database"))


@pytest.mark.rare
def test_a_standby_that_lags_loses_no_rows(
    sql_tree: SqlTree, servers: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor moves to what the standby shows, so rows that it replays later come with the next load."""
    primary, standby = servers
    primary.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 10) i")
    replayed(primary, standby)
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", dsn(standby, "postgres"))
    standby.query("SELECT pg_wal_replay_pause()")
    primary.query("INSERT INTO orders SELECT i FROM generate_series(11, 20) i")
    sql_tree.read("write_disposition: append", "incremental: {cursor_path: id}", parallelism=2, partition_on="id")
    assert sql_tree.load("shop.landed").rows == 10
    standby.query("SELECT pg_wal_replay_resume()")
    replayed(primary, standby)
    assert sql_tree.load("shop.landed").rows == 10
    assert sql_tree.landed()["id"][1] == list(range(1, 21))
