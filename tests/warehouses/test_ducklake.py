"""Tests of WAREHOUSE=ducklake, with catalogues in SQLite and PostgreSQL, and a store that speaks S3's protocol."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_foundation.errors import FoundationError, LoadError, SettingMissing, WarehouseError
from data_foundation.inspection.catalogue import list_relations
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.warehouses.connection import job_client
from data_foundation.warehouses.ducklake.attached import AttachedLake
from data_foundation.warehouses.ducklake.warehouse import DuckLakeWarehouse
from tests.support.dbt_builds import run_dbt
from tests.support.ducklakes import DuckLakeTree
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.stores import run_s3

ORDERS = "resources:\n  - entry: data.get_rows\n    destination: raw.orders\n    "
DISPOSITIONS = {
    "append": "write_disposition: append",
    "replace": "write_disposition: replace",
    "merge": "write_disposition: merge\n    primary_key: id",
    "upsert": "write_disposition: {disposition: merge, strategy: upsert}\n    primary_key: id",
    "insert-only": "write_disposition: {disposition: merge, strategy: insert-only}\n    primary_key: id",
}
SECOND = {
    "append": [(1, None, 1), (2, None, 1), (2, "red", 2), (3, "red", 2)],
    "replace": [(2, "red", 2), (3, "red", 2)],
    "merge": [(1, None, 1), (2, "red", 2), (3, "red", 2)],
    "upsert": [(1, None, 1), (2, "red", 2), (3, "red", 2)],
    "insert-only": [(1, None, 1), (2, None, 2), (3, "red", 2)],
}

TYPED = '''
import datetime as dt
from decimal import Decimal


def get_rows():
    """Yields the smallest, the largest and the odd values of each type."""
    yield [
        {
            "id": number, "whole": whole, "real": real, "exact": exact, "text": text, "raw": raw,
            "at": at, "day": day, "clock": clock, "tree": {"a": [number, text]}, "yes": bool(number % 2),
        }
        for number, (whole, real, exact, text, raw, at, day, clock) in enumerate(VALUES)
    ] * REPEATED


VALUES = [
    (2**63 - 1, 0.1, Decimal("12345678901234567890123456789.123456789"), "a'b\\\\N", b"\\x00\\xff",
     dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.timezone.utc), dt.date(1, 1, 1), dt.time(23, 59, 59, 999999)),
    (-(2**63), 5e-324, Decimal("-0.000000001"), "", b"0",
     dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.timezone.utc), dt.date(9999, 12, 31), dt.time(0)),
    (0, 1.7976931348623157e308, Decimal(0), "NULL \\u00e9\\U0001f600\\n", b"NULL",
     dt.datetime(1, 1, 1, tzinfo=dt.timezone.utc), dt.date(2024, 2, 29), dt.time(0, 0, 0, 1)),
]
'''
TYPES = "columns: {exact: {data_type: decimal, precision: 38, scale: 9}, tree: {data_type: json}}"


@pytest.fixture
def tree(tmp_path: Path) -> DuckLakeTree:
    """A project with a catalogue in SQLite."""
    return DuckLakeTree(tmp_path)


def _row(number: int, lines: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "lines": [{"n": line} for line in range(lines)], **more}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", DISPOSITIONS)
def test_dispositions(tree: DuckLakeTree, name: str) -> None:
    """Each disposition changes the table and its nested table as on any engine, and new columns are added."""
    tree.add("shop", ORDERS + DISPOSITIONS[name])
    tree.give("shop", [_row(1, 1), _row(2, 1)])
    tree.load("shop.orders")
    tree.give("shop", [_row(2, 2, colour="red"), _row(3, 2, colour="red")])
    tree.load("shop.orders")
    lines = "(select count(*) from raw.orders__lines where _dlt_parent_id = o._dlt_id)"
    assert tree.query(f"select id, colour, {lines} from raw.orders o order by all nulls first") == SECOND[name]


@pytest.mark.parametrize("repeated", [1, 50], ids=["in the catalogue", "in files"])
def test_values_stay_exact(tree: DuckLakeTree, repeated: int) -> None:
    """Every value is read as it was yielded, from few rows, which are in the catalogue, and from many, in files."""
    tree.add("shop", f"{ORDERS}{TYPES}", f"{TYPED}\nREPEATED = {repeated}\n")
    tree.load("shop.orders")
    given: dict[str, Any] = {}
    exec(TYPED, given)  # noqa: S102 - the rows of the entry
    found = tree.query('select whole, "real", exact, text, raw, "at", day, clock from raw.orders order by id')
    assert [(*row[:5], row[5].astimezone(given["dt"].timezone.utc), *row[6:]) for row in found] == [
        row for row in given["VALUES"] for _ in range(repeated)
    ]


def test_integers_of_128_bits_are_decimals(tree: DuckLakeTree) -> None:
    """DuckLake stores HUGEINT as DOUBLE, which rounds: no column gets that type."""
    client = job_client(tree.warehouse.destination(), "raw")
    hints = {"name": "n", "data_type": "bigint"}
    kinds = [client.kind_of("t", {**hints, "precision": bits}) for bits in (8, 16, 32, 64, 128)]
    assert kinds == ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL(38,0)"]


def test_a_column_whose_type_cannot_change_is_refused(tree: DuckLakeTree) -> None:
    """DuckLake cannot turn numbers into texts: the load is refused with the column, and the table stays."""
    tree.add("shop", f"{ORDERS}columns: {{n: {{data_type: bigint}}}}")
    tree.give("shop", [{"id": 1, "n": 1}])
    tree.load("shop.orders")
    tree.add("shop", f"{ORDERS}columns: {{n: {{data_type: text}}}}")
    with pytest.raises(LoadError, match="column n of table orders is BIGINT"):
        tree.load("shop.orders")
    assert tree.query("select n from raw.orders") == [1]


def test_resources_side_by_side(tree: DuckLakeTree) -> None:
    """Eight first loads of one process at once all land, and so do their rows of the audit trail."""
    resources = "".join(f"  - {{entry: data.get_rows, destination: raw.t{number}}}\n" for number in range(8))
    tree.add("shop", f"resources:\n{resources}")
    tree.give("shop", [{"id": 1}])
    tasks = [tree.task(f"shop.t{number}") for number in range(8)]
    outcomes = [event for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert tree.query("select count(distinct asset) from raw._load_audit where status = 'loaded'") == [8]


def test_a_load_that_lost_its_lock_is_refused(tree: DuckLakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock does nothing here, and a load of the table lands before another's commit: the other reads again."""
    monkeypatch.setattr("data_foundation.warehouses.ducklake.locks.FileLock", _NoLock)
    cursor = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'
    tree.add("shop", f"{ORDERS}write_disposition: append\n    {cursor}")
    tree.give("shop", [{"id": 1, "at": "2024-01-02"}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-03"}])
    faster = replace(tree, root=tree.root.with_name(f"{tree.root.name}_faster"), settings=_shared(tree))
    shutil.copytree(tree.root / "dlthub", faster.root / "dlthub")
    started: list[bool] = []
    landed: list[int] = []
    commit = duckdb.DuckDBPyConnection.commit

    class Session(_Session):
        def commit(self) -> None:
            if not started:
                started.append(True)
                landed.append(faster.load("shop.orders").rows)
            commit(self.session)

    session = AttachedLake.session
    monkeypatch.setattr(AttachedLake, "session", lambda lake: Session(session(lake)))
    result = tree.load("shop.orders")
    assert landed == [1]
    assert any("was dropped" in warning for warning in result.warnings)
    assert tree.query("select id from raw.orders order by id") == [1, 2]


class _Session:
    """A session of DuckDB whose methods a test can replace."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        return self.session

    def __exit__(self, *_error: object) -> None:
        self.session.close()


class _NoLock:
    """A lock of a file system that has none."""

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def acquire(self, **_named: Any) -> None:
        """Takes nothing."""

    def release(self) -> None:
        """Frees nothing."""


def _shared(tree: DuckLakeTree) -> Mapping[str, str]:
    """Returns the settings by which another checkout finds the lake of a project."""
    data = tree.root / "data"
    return {"DUCKLAKE_CATALOG": str(data / "ducklake.sqlite"), "DUCKLAKE_DATA": str(data / "ducklake")}


def test_files_in_s3_and_catalogue_in_postgres(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """A machine with an empty disk continues where the lake is; nothing of the tables is on the disk of either."""
    with run_s3() as store:
        s3 = {name: value for name, value in store.lake("x").items() if name.startswith("AWS")}
        place = {"DUCKLAKE_CATALOG": "postgres", "DUCKLAKE_DATA": f"s3://{store.bucket}/lake"}
        settings = {**place, **s3, **postgres_server.settings(postgres_server.create_database())}
        for number, name in enumerate(("one", "other"), 1):
            tree = DuckLakeTree(tmp_path / name, settings)
            tree.add(
                "shop", f"{ORDERS}write_disposition: append\n    incremental: {{cursor_path: id, initial_value: 0}}"
            )
            tree.give("shop", [{"id": row} for row in range(1, 30 * number)])
            assert tree.load("shop.orders").rows == (29 if number == 1 else 30)
        assert tree.query("select count(*), count(distinct id) from raw.orders") == [(59, 59)]
        assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("catalogue", ["sqlite", "postgres"])
def test_dbt_builds_in_the_lake(
    request: pytest.FixtureRequest, tmp_path: Path, catalogue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dbt finds the lake by the variables of the warehouse; its model is a table of the lake."""
    settings = {}
    if catalogue == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        settings = {"DUCKLAKE_CATALOG": "postgres", **server.settings(server.create_database())}
    tree = DuckLakeTree(tmp_path, settings)
    tree.add("shop", ORDERS + DISPOSITIONS["append"])
    tree.give("shop", [{"id": number} for number in range(20)])
    tree.load("shop.orders")
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: lake\nprofile: data_foundation\n")
    (project / "models" / "doubled.sql").write_text(
        "{{ config(materialized='table') }} select id * 2 as id from {{ source('raw', 'orders') }}"
    )
    (project / "models" / "sources.yml").write_text("sources: [{name: raw, tables: [{name: orders}]}]\n")
    shutil.copy(Path(__file__).parents[2] / "dbt_project" / "profiles.yml", project)
    monkeypatch.setattr("tests.support.dbt_builds.PROJECT", project)
    with tree.warehouse.exclusive():
        variables = {**tree.warehouse.dbt_settings(), "WAREHOUSE": "ducklake", "DBT_SCHEMA_SUFFIX": ""}
        output = run_dbt(["run", "--debug"], tmp_path / "target", **variables)
    assert PASSWORD not in output
    assert tree.query("select sum(id) from main.doubled") == [380]


def test_only_its_own_tables_are_listed(tree: DuckLakeTree) -> None:
    """`foundation ui` lists neither the tables of the catalogue nor those of dlt and of the fence."""
    tree.add("shop", ORDERS + DISPOSITIONS["append"])
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    found = {str(relation.name) for relation in list_relations(tree.warehouse, [], 10)}
    assert found == {"raw.orders", "raw._load_audit"}


WRONG: Mapping[str, tuple[Mapping[str, str], type[FoundationError], str]] = {
    "another store": ({"DUCKLAKE_DATA": "gs://x/y"}, WarehouseError, "DUCKLAKE_DATA: got 'gs://'"),
    "no key of S3": ({"DUCKLAKE_DATA": "s3://x/y"}, SettingMissing, "AWS_ACCESS_KEY_ID"),
    "no server": ({"DUCKLAKE_CATALOG": "postgres"}, SettingMissing, "POSTGRES_HOST"),
    "not a catalogue": ({"DUCKLAKE_CATALOG": "./dlthub"}, WarehouseError, "DUCKLAKE_CATALOG cannot be opened"),
    "a misspelt server": ({"DUCKLAKE_CATALOG": "postgress"}, WarehouseError, "got 'postgress'; accepted: postgres, or"),
    "another case": ({"DUCKLAKE_CATALOG": "Postgres"}, WarehouseError, "got 'Postgres'; accepted: postgres, or"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings(tmp_path: Path, name: str) -> None:
    """The error names the setting to change."""
    settings, kind, message = WRONG[name]
    (tmp_path / "dlthub").mkdir()
    warehouse = DuckLakeWarehouse.of(tmp_path, settings, suffix="", others=lambda _name: warehouse)
    with pytest.raises(kind, match=message), warehouse.query() as query:
        query("select 1")


def test_a_catalogue_that_is_misspelt_is_not_made_anew(tree: DuckLakeTree) -> None:
    """Beside files of another catalogue a new one, which knows no table, is refused; the right one goes on."""
    tree.add("shop", ORDERS + DISPOSITIONS["append"])
    tree.give("shop", [{"id": number} for number in range(20)])
    tree.load("shop.orders")
    misspelt = replace(tree, settings={**tree.settings, "DUCKLAKE_CATALOG": "data/duklake.sqlite"})
    with pytest.raises(WarehouseError, match=r"duklake.sqlite does not exist, and .* has files of a catalogue"):
        misspelt.load("shop.orders")
    assert not (tree.root / "data" / "duklake.sqlite").exists()
    tree.load("shop.orders")
    assert tree.query("select count(*) from raw.orders") == [40]


def test_a_moved_project_keeps_its_tables(tree: DuckLakeTree) -> None:
    """A project that is moved together with its lake reads and writes its tables."""
    tree.add("shop", ORDERS + DISPOSITIONS["append"])
    tree.give("shop", [{"id": number} for number in range(20)])
    tree.load("shop.orders")
    moved = replace(tree, root=tree.root.with_name(f"{tree.root.name}_moved"))
    tree.root.rename(moved.root)
    moved.load("shop.orders")
    assert moved.query("select count(*) from raw.orders") == [40]
