"""Cost of a load with few or no rows: statements, lookups of settings, and cached values that stay current."""

import importlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dlt
import duckdb
import pytest
from dlt.common.destination import Destination
from dlt.common.normalizers.naming.snake_case import NamingConvention
from dlt.destinations.job_client_impl import SqlJobClientBase

from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.duckdb.destination import TransactionalDuckDB
from data_foundation.warehouses.postgres.destination import TransactionalPostgres
from tests.support.trees import Tree

ZONES = """
from data_foundation.warehouses.duckdb.utc_session import in_utc
import duckdb
with in_utc(duckdb.connect()) as connection, connection.cursor() as session:
    query = "SELECT TIMESTAMPTZ '2024-07-01 12:00:00' = TIMESTAMPTZ '2024-07-01 12:00:00+00'"
    print(*session.execute(query).fetchone())
"""

RESOURCES = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    incremental: {cursor_path: id}
    primary_key: id
    checks: {primary_key: block}
"""


@contextmanager
def statements(tree: Tree) -> Iterator[list[str]]:
    """Records the statements that DuckDB's own query log lists inside the block."""
    found: list[str] = []
    with duckdb.connect(tree.warehouse.path) as connection:
        connection.execute("CALL enable_logging('QueryLog')")
        yield found
        query = "SELECT message FROM duckdb_logs WHERE type = 'QueryLog' ORDER BY timestamp"
        output = [row[0] for row in connection.execute(query).fetchall()]
    found += [sql for sql in output if not sql.upper().startswith("SELECT MESSAGE FROM DUCKDB_LOGS")]


@pytest.fixture
def loaded(tree: Tree) -> Tree:
    """A project with a table, a nested table and a cursor; the source has no new rows."""
    tree.add("shop", RESOURCES)
    tree.give("shop", [{"id": 1, "lines": [1, 2]}, {"id": 2, "lines": []}])
    tree.load("shop.orders")
    tree.give("shop", [])
    return tree


def test_nothing_new_takes_three_statements(loaded: Tree) -> None:
    """A load without rows reads state and schema, counts rows, records the attempt, and changes no table."""
    with statements(loaded) as executed:
        result = loaded.load("shop.orders")
    messages = {check.name: check.message for check in result.checks}
    assert messages["primary_key"].startswith("no rows came in after load ")
    assert (result.rows, result.row_count, result.children, result.cursor) == (0, 2, {"orders__lines": 2}, (2, 2))
    assert [sql.split()[0] for sql in executed] == ["SELECT", "SELECT", "INSERT"]
    assert not [sql for sql in executed if any(word in sql.upper() for word in ("CREATE ", "ALTER ", "DROP "))]


def test_a_missing_key_column_does_not_prevent_the_count(loaded: Tree) -> None:
    """If the key column is missing, its check fails and the rows are still counted."""
    with duckdb.connect(loaded.warehouse.path) as connection:
        connection.execute("ALTER TABLE raw.orders DROP COLUMN id")
    result = loaded.load("shop.orders")
    messages = {check.name: check.message for check in result.checks}
    assert (result.row_count, result.children) == (2, {"orders__lines": 2})
    assert messages["primary_key"] == "the table has no column id"


def test_new_rows_take_no_ddl(loaded: Tree) -> None:
    """Rows that fit the table are loaded without DDL."""
    loaded.give("shop", [{"id": 3, "lines": [3]}])
    with statements(loaded) as executed:
        assert loaded.load("shop.orders").rows == 1
    assert {sql.split()[0] for sql in executed} == {"SELECT", "INSERT", "BEGIN", "COMMIT", "SET", "RESET"}


def test_dlts_session_settings_apply(loaded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of dlt for DuckDB sessions apply to every session of a load, including its transaction."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__PRAGMAS", '["enable_object_cache"]')
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__LOCAL_CONFIG", '{"default_order": "desc"}')
    loaded.give("shop", [{"id": 3}])
    with statements(loaded) as executed:
        assert loaded.load("shop.orders").rows == 1
    sessions = sum(sql.startswith("SET SESSION default_order") for sql in executed)
    assert sessions == sum(sql == "PRAGMA enable_object_cache" for sql in executed) >= 4


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam"])
def test_sessions_are_in_utc(zone: str) -> None:
    """A time without a zone is in UTC, whatever the time zone of the machine."""
    output = subprocess.run([sys.executable, "-c", ZONES], env={"TZ": zone}, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "True"


def test_settings_are_resolved_once_per_open(loaded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Destination settings are resolved three times a load: to synchronise, for the fence, and to load."""
    counted = Counter[str]()
    reference: Any = importlib.import_module("dlt.common.destination.reference")
    resolve = reference.resolve_configuration

    def count(config: Any, **arguments: Any) -> Any:
        counted[type(config).__name__] += not config.is_resolved()
        return resolve(config, **arguments)

    monkeypatch.setattr(reference, "resolve_configuration", count)
    loaded.give("shop", [{"id": 3}])
    loaded.load("shop.orders")
    assert counted == {"DuckDbClientConfiguration": 3}


def test_a_changed_setting_applies_from_the_next_open(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings cached by a destination are valid only as long as the destination."""
    name = "DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT"
    for layout in ("%s_first", "%s_second"):
        monkeypatch.setenv(name, layout)
        with tree.warehouse.open() as destination:
            configuration = destination.configuration(destination.spec()._bind_dataset_name("raw"))
            assert configuration.staging_dataset_name_layout == layout
            monkeypatch.setenv(name, "%s_later")
            again = destination.configuration(destination.spec()._bind_dataset_name("raw"))
            assert again.staging_dataset_name_layout == layout


def destinations() -> dict[str, ResolvedOnce]:
    """Returns one destination of each engine that caches settings."""
    known = {"host": "h", "port": 5432, "username": "u", "database": "d", "password": "given"}
    return {"duckdb": TransactionalDuckDB(duckdb.connect(":memory:")), "postgres": TransactionalPostgres(known)}


@pytest.mark.parametrize("name", destinations())
@pytest.mark.parametrize("naming", [None, NamingConvention(), NamingConvention(max_length=20)])
def test_cached_settings_equal_dlts(name: str, naming: NamingConvention | None) -> None:
    """Configuration and capabilities equal those of dlt's own methods, at the first call and at the second."""
    destination = destinations()[name]
    for _ in range(2):
        for dataset in ("raw", "other"):
            initial = destination.spec()._bind_dataset_name(dataset)
            own = Destination.configuration(destination, destination.spec()._bind_dataset_name(dataset))
            assert _plain(destination.configuration(initial)) == _plain(own)
        own_capabilities = Destination.capabilities(destination, None, naming)
        assert _plain(destination.capabilities(naming=naming)) == _plain(own_capabilities)


def _plain(configuration: Any) -> dict[str, str]:
    return {name: repr(value).split(" at 0x")[0] for name, value in configuration.items()}


def test_cached_settings_are_returned_as_a_copy(tree: Tree) -> None:
    """Callers may change the returned objects; the cached values do not change."""
    with tree.warehouse.open() as destination:
        destination.capabilities().preferred_loader_file_format = "csv"
        destination.configuration(destination.spec()._bind_dataset_name("raw")).replace_strategy = "mine"
        assert destination.capabilities().preferred_loader_file_format != "csv"
        assert destination.configuration(destination.spec()._bind_dataset_name("raw")).replace_strategy != "mine"


def test_state_and_schema_are_those_that_dlt_reads(loaded: Tree) -> None:
    """One statement reads the same as dlt's two."""
    with loaded.warehouse.open() as destination, client(destination) as ours:
        own_state = SqlJobClientBase.get_stored_state(ours, "raw-orders")
        own_schema = SqlJobClientBase.get_stored_schema(ours, "orders")
        assert own_state
        assert own_schema
        ours.shared.pipeline, ours.shared.schema = "raw-orders", "orders"
        assert ours.get_stored_state("raw-orders") == own_state
        assert ours.shared.landed == [own_state._dlt_load_id]
        assert ours.shared.schemas == {"orders": own_schema}
        assert ours.get_stored_state("raw-nobody") is None


def test_a_schema_read_with_the_state_is_used_once(loaded: Tree) -> None:
    """The schema read together with the state is used once; the next call reads what other processes wrote."""
    with loaded.warehouse.open() as destination, client(destination) as ours:
        ours.get_stored_state("raw-orders")
        assert ours.get_stored_schema("orders").version_hash != "newer"
        with connect(destination, "raw") as sql:
            table = sql.make_qualified_table_name("_dlt_version")
            newer = "version_hash = 'newer', inserted_at = now()"
            sql.execute_sql(f"UPDATE {table} SET {newer}")
        assert ours.get_stored_schema("orders").version_hash == "newer"


@contextmanager
def client(destination: Any) -> Iterator[Any]:
    """A job client of the dataset raw, as dlt uses it to restore a pipeline."""
    with destination.client(dlt.Schema("orders"), destination.spec()._bind_dataset_name("raw")) as opened:
        yield opened
