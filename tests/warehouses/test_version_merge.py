"""Our merge of versions gives what dlt's gives, whatever the history, and compares the columns of a key one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import duckdb
import psycopg2
import pytest
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from data_foundation.warehouses.connection import job_client
from data_foundation.warehouses.duckdb.destination import TransactionalDuckDB
from data_foundation.warehouses.postgres.destination import TransactionalPostgres
from data_foundation.warehouses.sql.version_merge import VersionMerge
from tests.support.postgres_server import PostgresServer

COLUMNS = "k VARCHAR, l VARCHAR, state VARCHAR, _dlt_id VARCHAR, _dlt_valid_from VARCHAR, _dlt_valid_to VARCHAR"
CHILDREN = "state VARCHAR, _dlt_id VARCHAR, _dlt_parent_id VARCHAR"
WAYS: dict[str, type[SqlMergeFollowupJob]] = {"ours": VersionMerge, "dlts": SqlMergeFollowupJob}
KEYS: dict[str, tuple[Sequence[str], bool]] = {
    "one column": (["k"], False),
    "one column that may be empty": (["k"], True),
    "two columns": (["k", "l"], False),
    "two columns that may be empty": (["k", "l"], True),
}
Run = Callable[[str], list[tuple[Any, ...]]]


@contextmanager
def duckdb_engine() -> Iterator[tuple[Run, Any]]:
    """Yields a function that executes statements in DuckDB, and a destination that gives names."""
    with duckdb.connect() as connection:
        yield lambda sql: connection.execute(sql).fetchall(), TransactionalDuckDB(connection)


@contextmanager
def postgres_engine(server: PostgresServer) -> Iterator[tuple[Run, Any]]:
    """Yields the same of a new database."""
    settings = server.settings(server.create_database())
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
    address: dict[str, Any] = {name: settings[f"POSTGRES_{of}"] for name, of in names.items()}
    session = psycopg2.connect(**address)
    with closing(session):
        session.autocommit = True

        def run(sql: str) -> list[tuple[Any, ...]]:
            with session.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

        known = {"username": address["user"], "database": address["dbname"], "host": address["host"]}
        yield run, TransactionalPostgres({**known, "password": "given"}, session)


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[tuple[Run, Any]]:
    """An engine with the tables of both ways."""
    with duckdb_engine() if request.param == "duckdb" else postgres_engine(postgres_server) as (run, destination):
        for way in WAYS:
            for schema in (way, f"{way}_staging"):
                run(f"CREATE SCHEMA {schema}")
                run(f"CREATE TABLE {schema}.t ({COLUMNS})")
                run(f"CREATE TABLE {schema}.t__parts ({CHILDREN})")
        yield run, destination


def table_chain(keys: Sequence[str], moment: str, *, nullable: bool) -> list[Any]:
    """Returns dlt's schema of the table and of its list of parts, with the time of the load."""

    def columns(hints: dict[str, Any]) -> dict[str, Any]:
        return {name: {"name": name, "data_type": "text", **more} for name, more in hints.items()}

    root: dict[str, Any] = {
        name: {"merge_key": True, "nullable": nullable} if name in keys else {} for name in ("k", "l", "state")
    }
    root["_dlt_id"] = {"row_key": False, "x-row-version": True, "nullable": False}
    root["_dlt_valid_from"] = {"x-valid-from": True}
    root["_dlt_valid_to"] = {"x-valid-to": True, "x-active-record-timestamp": None}
    parts = {"state": {}, "_dlt_id": {"row_key": True}, "_dlt_parent_id": {"parent_key": True}}
    table = {"name": "t", "write_disposition": "merge", "x-merge-strategy": "scd2", "x-boundary-timestamp": moment}
    return [table | {"columns": columns(root)}, {"name": "t__parts", "parent": "t", "columns": columns(parts)}]


def load(engine: tuple[Run, Any], chain: list[Any], rows: Sequence[tuple[str | None, str | None, str]]) -> None:
    """Merges the rows, each with two parts, in both ways."""
    run, destination = engine
    for way, job in WAYS.items():
        run(f"DELETE FROM {way}_staging.t")
        run(f"DELETE FROM {way}_staging.t__parts")
        for row in rows:
            row_id = repr(row).replace("'", "")
            values = ", ".join("NULL" if value is None else f"'{value}'" for value in row)
            run(f"INSERT INTO {way}_staging.t VALUES ({values}, '{row_id}', NULL, NULL)")
            parts = ", ".join(f"('{row[2]}', '{row_id} {place}', '{row_id}')" for place in range(2))
            run(f"INSERT INTO {way}_staging.t__parts VALUES {parts}")
        client = job_client(destination, way).sql_client
        for statement in job.gen_scd2_sql(chain, client):
            run(statement)


def content(engine: tuple[Run, Any], way: str) -> list[Any]:
    """Returns all rows of the table and of its list."""
    run, _ = engine
    return sorted([*run(f"SELECT * FROM {way}.t"), *run(f"SELECT * FROM {way}.t__parts")], key=repr)


@pytest.mark.parametrize("key", KEYS)
def test_every_history_gives_what_dlt_gives(engine: tuple[Run, Any], key: str) -> None:
    """Over loads of some keys, changed, unchanged, going back to an earlier state, and empty, all rows are equal."""
    names, nullable = KEYS[key]
    drawn = random.Random(key)  # noqa: S311 - the same cases in each run
    firsts, seconds = ["a", "b", "c", *([None] if nullable else [])], ["x", "y", *([None] if nullable else [])]
    every = [(first, second) for first in firsts for second in seconds]
    if len(names) == 1:
        every = [(first, "x") for first in firsts]
    for number in range(8):
        keys = drawn.sample(every, drawn.randint(0, len(every)))
        rows = [(*chosen, drawn.choice(["on", "off"])) for chosen in keys]
        load(engine, table_chain(names, f"2024-01-0{number + 1}T00:00:00Z", nullable=nullable), rows)
        assert content(engine, "ours") == content(engine, "dlts"), number
    assert len(content(engine, "ours")) > len(every) * 3


@pytest.mark.parametrize("nullable", [False, True], ids=["filled", "may be empty"])
def test_a_key_of_two_columns_is_no_other_key_with_the_same_letters(engine: tuple[Run, Any], *, nullable: bool) -> None:
    """A load of the key ('a', 'bc') leaves the version of ('ab', 'c') as it is, which dlt ends."""
    for number, row in enumerate([("ab", "c", "on"), ("a", "bc", "on")], start=1):
        load(engine, table_chain(["k", "l"], f"2024-01-0{number}T00:00:00Z", nullable=nullable), [row])
    run, _ = engine
    current = "SELECT COUNT(*) FROM {}.t WHERE _dlt_valid_to IS NULL"
    assert (run(current.format("ours")), run(current.format("dlts"))) == ([(2,)], [(1,)])


@pytest.mark.parametrize("key", ["one column", "two columns"])
def test_versions_that_the_user_has_numbered_are_compared_with_all(engine: tuple[Run, Any], key: str) -> None:
    """A column of versions of the user's own may have one value for several keys: only the key is compared by us."""
    _, destination = engine
    client = job_client(destination, "ours").sql_client
    names, nullable = KEYS[key]
    chain = table_chain(names, "2024-01-01T00:00:00Z", nullable=nullable)
    columns = chain[0]["columns"]
    columns["version"] = {**columns["_dlt_id"], "name": "version"}
    columns["_dlt_id"] = {"name": "_dlt_id", "data_type": "text", "row_key": True}
    ended, *added = VersionMerge.gen_scd2_sql(chain, client)
    assert added == SqlMergeFollowupJob.gen_scd2_sql(chain, client)[1:]
    assert ended.count("CONCAT") == 0
