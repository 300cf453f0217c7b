"""Tests of `data_foundation.readers.sql` on a standby of PostgreSQL, with real streaming replication."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from data_foundation.readers.sql.database import SourceTable
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from tests.support.postgres_server import DEADLINE, PostgresServer, run_server, run_standby
from tests.support.sql_sources import SqlTree, dsn, sql_tree

__all__ = ["sql_tree"]

pytestmark = pytest.mark.rare  # two servers of its own


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
