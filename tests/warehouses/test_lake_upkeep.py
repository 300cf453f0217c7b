"""Tests of `foundation lake optimize`: fewer files, no versions that nobody needs, and the same rows and state."""

import json
import shutil
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from data_foundation.cli.json_lines import build_line_schemas
from data_foundation.cli.main import app
from data_foundation.errors import FoundationError, WarehouseError
from data_foundation.local.lake_upkeep import is_in_lake, optimize
from data_foundation.warehouses.lake.dataset_files import DatasetFiles
from data_foundation.warehouses.lake.turns import Turn
from data_foundation.warehouses.lake.upkeep.run import KeptTable, keep_up
from data_foundation.warehouses.lake.upkeep.settings import Upkeep
from data_foundation.warehouses.lake.warehouse import of_lake
from tests.support.lakes import IcebergTree, LakeTree, ParquetTree
from tests.warehouses.test_lake_partitions import set_orders

TREES = {"delta": LakeTree, "iceberg": IcebergTree}
MERGE = ["write_disposition: merge", "primary_key: id", 'incremental: {cursor_path: at, initial_value: "2024-01-01"}']
ROWS = "select id, state from raw.orders order by id"
LINES = "select n from raw.orders__lines order by n"
AT_ONCE = Upkeep(128 * 1024**2, 1, timedelta(0))
"""Keeps the newest version only."""


@pytest.fixture
def tree(table_format: str, tmp_path: Path) -> LakeTree:
    """A project with a partitioned table of five loads."""
    tree = TREES[table_format](tmp_path)
    set_orders(tree, *MERGE, columns="region: {partition: true}")
    for number in range(1, 6):
        load(tree, number)
    return tree


def load(tree: LakeTree, number: int) -> None:
    """Loads a new row and a new version of the first one."""
    at = f"2024-01-{number:02}"
    new = [{"id": number, "at": at, "state": "new", "region": "ab"[number % 2], "lines": [{"n": number}]}]
    first = [{"id": 1, "at": at, "state": f"day {number}", "region": "b", "lines": [{"n": 1}]}] if number > 1 else []
    tree.give("shop", [*new, *first])
    tree.load("shop.orders")


def expected(last: int) -> list[tuple[int, str]]:
    """Returns the rows after so many loads."""
    return [(1, f"day {last}"), *((number, "new") for number in range(2, last + 1))]


def keep(tree: LakeTree, upkeep: Upkeep = AT_ONCE) -> Mapping[str, KeptTable]:
    """Does the work without the lock of the resource."""
    with tree.warehouse.open() as destination:
        return {kept.name: kept for kept in keep_up(of_lake(destination).client_of("raw", "orders"), upkeep)}


def files(tree: LakeTree) -> int:
    """Returns the number of files with rows in the table's folder."""
    return len(list((tree.lake / "raw" / "orders").rglob("*.parquet")))


@pytest.mark.parametrize("table_format", TREES)
def test_rows_and_state_stay(tree: LakeTree) -> None:
    """Each partition becomes one file, others are removed, and the next loads go on, also on an empty disk."""
    before = files(tree)
    kept = keep(tree)
    assert set(kept) == {"orders", "orders__lines"}
    assert kept["orders"].replaced > 1
    assert kept["orders"].removed > 1
    assert files(tree) == 2 < before
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(5), [1, 2, 3, 4, 5])
    assert tree.query("select (select count(*) from raw.orders)") == [5]
    again = keep(tree)
    assert [(one.replaced, one.removed) for one in again.values()] == [(0, 0), (0, 0)]
    shutil.rmtree(tree.root / "data")
    load(tree, 6)
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(6), [1, 2, 3, 4, 5, 6])
    assert tree.query("select count(*) from raw._dlt_loads") == [6]


@pytest.mark.parametrize("table_format", TREES)
def test_a_load_that_fails_afterwards_undoes_itself(tree: LakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version to which it is undone is never removed."""
    keep(tree)

    def fail(*_given: object) -> None:
        raise WarehouseError("no landing")

    with monkeypatch.context() as patched:
        patched.setattr(Turn, "land", fail)
        with pytest.raises(FoundationError, match="no landing"):
            load(tree, 6)
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(5), [1, 2, 3, 4, 5])
    keep(tree)
    load(tree, 6)
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(6), [1, 2, 3, 4, 5, 6])


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("table_format", TREES)
@pytest.mark.parametrize(
    ("owner", "name", "after"), [(Turn, "check", 1), (Turn, "end", 0), (DatasetFiles, "delete", 2)]
)
def test_ended_in_the_middle(
    tree: LakeTree, owner: Any, name: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between compaction and expiry, among the files that are removed, or before the turn is free."""
    real, calls = getattr(owner, name), []

    def end(*given: Any, **more: Any) -> Any:
        calls.append(name)
        if len(calls) > after:
            raise Killed
        return real(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, end)
        try:
            keep(tree)
        except Killed:
            assert "writing" in tree.turns()
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(5), [1, 2, 3, 4, 5])
    load(tree, 6)
    keep(tree)
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(6), [1, 2, 3, 4, 5, 6])
    assert tree.turns() == ["free"]


@pytest.mark.parametrize("table_format", TREES)
def test_loads_of_another_machine_go_on(tree: LakeTree, tmp_path: Path) -> None:
    """Loads and upkeep take turns, whoever comes first."""
    other = type(tree)(tmp_path / "other", {**tree.settings, "LAKE_URL": str(tree.lake)})
    ended, failures = threading.Event(), []

    def optimise() -> None:
        while not ended.wait(1.0):  # else no load would find the turn free
            try:
                keep(other)
            except BaseException as error:  # noqa: BLE001 - reported by the test
                failures.append(error)
                return

    thread = threading.Thread(target=optimise)
    thread.start()
    try:
        for number in (6, 7):
            load(tree, number)
    finally:
        ended.set()
        thread.join()
    assert not failures
    assert (tree.query(ROWS), tree.query(LINES)) == (expected(7), [1, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("table_format", ["iceberg"])
def test_files_of_an_earlier_partitioning_move(tree: LakeTree) -> None:
    """After a changed partitioning, the files that exist get it too."""
    set_orders(tree, *MERGE, columns="id: {partition: 'bucket[2]'}")
    load(tree, 6)
    assert keep(tree)["orders"].replaced
    assert len(list((tree.lake / "raw" / "orders" / "data").glob("id_bucket_2_=*"))) == 2
    assert not list((tree.lake / "raw" / "orders").rglob("region_identity_=*/*.parquet"))
    assert tree.query(ROWS) == expected(6)


@pytest.mark.parametrize("table_format", TREES)
def test_young_versions_stay(tree: LakeTree) -> None:
    """By default a query of the last week's versions finds its files; the command takes the settings."""
    before = files(tree)
    (first, *_) = optimize(tree.task("shop.orders"), tree.warehouse, print)
    assert (first.removed, files(tree) >= before) == (0, True)
    assert is_in_lake(tree.task("shop.orders"), tree.warehouse)


def test_counts_need_no_file_with_rows(tmp_path: Path) -> None:
    """Row counts of Delta and Iceberg tables come from their metadata."""
    for name, kind in TREES.items():
        tree = kind(tmp_path / name)
        set_orders(tree, *MERGE, columns="region: {partition: true}")
        load(tree, 2)
        for path in (tree.lake / "raw" / "orders").rglob("*.parquet"):
            path.write_bytes(b"")
        assert tree.query('SELECT (SELECT COUNT(*) FROM "raw"."orders")') == [2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"LAKE_FILE_MEGABYTES": "0"}, "LAKE_FILE_MEGABYTES: got '0'"),
        ({"LAKE_KEEP_VERSIONS": "all"}, "LAKE_KEEP_VERSIONS: got 'all'"),
        ({"LAKE_EXPIRE_HOURS": "0.5"}, "LAKE_EXPIRE_HOURS: got '0.5'"),
        ({"LAKE_EXPIRE_HOURS": "0"}, "from 1"),
    ],
)
def test_settings_that_are_refused(settings: Mapping[str, str], message: str) -> None:
    """An hour at least: files of a process that writes now are younger."""
    with pytest.raises(WarehouseError, match=message):
        Upkeep.of(settings)


def test_parquet_files_are_refused(tmp_path: Path) -> None:
    """Their readers would see rows twice."""
    tree = ParquetTree(tmp_path)
    set_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    with pytest.raises(WarehouseError, match="LAKE_FORMAT=delta or iceberg"):
        optimize(tree.task("shop.orders"), tree.warehouse, print)
    assert not is_in_lake(tree.task("shop.orders"), tree.warehouse)


TWO = """
resources:
  - {entry: data.get_rows, destination: raw.orders, warehouse: lake}
  - {entry: data.get_rows, destination: raw.waiting, warehouse: lake}
  - {entry: data.get_rows, destination: raw.here}
"""


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes every table in the lake, or those that are named; one that has not landed, or is elsewhere, is told."""
    for name, value in {"WAREHOUSE": "duckdb", "LAKE_URL": "lake", "LAKE_FORMAT": "iceberg", "DEPLOYMENT": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    tree = LakeTree(tmp_path)
    tree.add("shop", TWO)
    for number in (1, 2):
        tree.give("shop", [{"id": number}])
        assert CliRunner().invoke(app, ["run", "shop.orders", "shop.here"]).exit_code == 0
    first = CliRunner().invoke(app, ["lake", "optimize", "--json"])
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    for line in lines:
        jsonschema.validate(line, build_line_schemas()["lake optimize"], jsonschema.Draft202012Validator)
    assert [(line["name"], line["action"], line["written"]) for line in lines] == [
        ("raw.orders", "optimized", True), ("raw.waiting", "kept", False)
    ]  # fmt: skip
    assert (lines[0]["metadata"]["replaced"], first.exit_code) == (2, 0)
    assert "raw.orders: 0 files put together" in CliRunner().invoke(app, ["lake", "optimize"]).stdout
    refused = CliRunner().invoke(app, ["lake", "optimize", "shop.here", "--json"])
    [line] = [json.loads(line) for line in refused.stdout.splitlines()]
    assert (refused.exit_code, line["action"], "is in duckdb" in line["error"]) == (1, "failed", True)
