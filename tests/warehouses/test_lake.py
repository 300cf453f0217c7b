"""Tests of WAREHOUSE=filesystem, in a local folder and in Azure's emulator."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from azure.core.exceptions import ResourceNotFoundError
from deltalake import DeltaTable
from dlt.common.destination.exceptions import DestinationTransientException
from dlt.destinations.exceptions import DatabaseException

from data_foundation.audit.read import read_trail
from data_foundation.config.fields import LakePlace
from data_foundation.errors import ConfigError, FoundationError, LoadError, NoRows, SettingMissing, WarehouseError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.vendors.retries import is_transient
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.lake.access.credentials import explain_refusal
from data_foundation.warehouses.lake.client import LakeClient
from data_foundation.warehouses.lake.warehouse import LakeWarehouse
from tests.support import azurite
from tests.support.azurite import Azurite
from tests.support.lakes import LakeTree, ParquetTree
from tests.support.stopped_loads import check_stop_before_commit
from tests.support.trees import Tree

CURSOR = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'
MODES = {
    "append": ["write_disposition: append", CURSOR],
    "replace": ["write_disposition: replace"],
    "merge": ["write_disposition: merge", "primary_key: id", CURSOR],
    "upsert": ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id"],
    "insert-only": ["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"],
}
ORDERS = "select id, colour from raw.orders order by id, colour nulls first"
LINES = "select n from raw.orders__lines order by n"
RATES = "select rate from raw.orders__lines__taxes order by rate"
WITHOUT_NODE = pytest.mark.skipif(not azurite.is_available(), reason="Azurite needs node and npm, which are not here")


@pytest.fixture(scope="session")
def azure() -> Iterator[Azurite]:
    """One server for each worker of the tests."""
    with azurite.run_azurite() as running:
        yield running


PLACES = ["delta", "parquet", *(pytest.param(f"{kind} in Azure", marks=WITHOUT_NODE) for kind in ("delta", "parquet"))]


@pytest.fixture(params=PLACES)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> LakeTree:
    """An empty checkout with an empty lake, of each kind."""
    kind, _, is_remote = request.param.partition(" in ")
    if not is_remote:
        return {"delta": LakeTree, "parquet": ParquetTree}[kind](tmp_path)
    return LakeTree(tmp_path, container(request.getfixturevalue("azure"), LAKE_FORMAT=kind))


@pytest.fixture
def delta(tmp_path: Path) -> LakeTree:
    """An empty checkout with a folder of Delta tables."""
    return LakeTree(tmp_path)


@pytest.fixture
def parquet(tmp_path: Path) -> ParquetTree:
    """An empty checkout with a folder of parquet files."""
    return ParquetTree(tmp_path)


def container(azure: Azurite, **more: str) -> dict[str, str]:
    """The settings of a lake in a new container."""
    return dict(azure.settings(f"c{time.time_ns()}", **more))


def add_orders(tree: Tree, *settings: str, retries: str = "{max: 0}", **more: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    lines = "\n".join(f"    {line}" for line in ("destination: raw.orders", f"retries: {retries}", *settings))
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{lines}\n", **more)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("mode", MODES)
def test_every_write_disposition(tree: LakeTree, mode: str) -> None:
    """Rows, child rows, a new column, a cursor and an empty disk work as in every other warehouse."""
    add_orders(tree, *MODES[mode])
    if tree.warehouse.format == "parquet" and mode not in {"append", "replace"}:
        with pytest.raises(WarehouseError, match="parquet"):
            tree.load("shop.orders")
        return
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "lines": [{"n": 1, "taxes": [{"rate": 5}]}, {"n": 2}]},
                       {"id": 2, "at": "2024-01-02"}])  # fmt: skip
    first = tree.load("shop.orders")
    assert (first.rows, first.row_count, first.children) == (2, 2, {"orders__lines": 2, "orders__lines__taxes": 1})
    shutil.rmtree(tree.root / "data")  # the state is in the lake
    tree.give("shop", [{"id": 1, "at": "2024-01-03", "colour": "red", "lines": [{"n": 3}]},
                       {"id": 3, "at": "2024-01-03"}])  # fmt: skip
    second = tree.load("shop.orders")
    assert second.schema_changes["orders"] == ("colour",)
    if CURSOR in MODES[mode]:
        assert second.cursor == ("2024-01-02", "2024-01-03")
    both: list[Any] = [(1, None), (1, "red"), (2, None), (3, None)]
    merged = [(1, "red"), (2, None), (3, None)]
    expected = {
        "append": (both, [1, 2, 3], [5]),
        "replace": ([(1, "red"), (3, None)], [3], []),
        "merge": (merged, [3], []),
        "upsert": (merged, [3], []),
        "insert-only": ([(1, None), (2, None), (3, None)], [1, 2], [5]),
    }[mode]
    rates = tree.query(RATES) if second.children.get("orders__lines__taxes") else []
    assert (tree.query(ORDERS), tree.query(LINES), rates) == expected
    assert second.row_count == len(expected[0])


ARROW = '''
import json
from pathlib import Path

import pyarrow as pa


def get_rows():
    """Whatever the test gave last, as Arrow tables of two rows."""
    rows = json.loads((Path(__file__).parent / "rows.json").read_text())
    for start in range(0, len(rows), 2):
        yield pa.Table.from_pylist(rows[start : start + 2])
'''


@pytest.mark.sampled(11)
@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_arrow_tables_are_loaded_like_rows(tree: LakeTree, mode: str) -> None:
    """A later Arrow table may have a column that the first one lacks."""
    add_orders(tree, *MODES[mode], data=ARROW)
    if tree.warehouse.format == "parquet" and mode == "merge":
        with pytest.raises(WarehouseError, match="parquet"):
            tree.load("shop.orders")
        return
    tree.give("shop", [{"id": number, "at": f"2024-01-0{number}"} for number in (1, 2, 3)])
    tree.load("shop.orders")
    tree.give("shop", [{"id": number, "at": f"2024-02-0{number}", "colour": "red"} for number in (3, 4)])
    assert tree.load("shop.orders").rows == 2
    expected = {
        "append": [(1, None), (2, None), (3, None), (3, "red"), (4, "red")],
        "replace": [(3, "red"), (4, "red")],
        "merge": [(1, None), (2, None), (3, "red"), (4, "red")],
    }[mode]
    assert tree.query(ORDERS) == expected


@pytest.mark.sampled(13)
def test_a_value_of_another_type_gets_a_column_of_its_own(tree: LakeTree) -> None:
    """The column is what dlt calls a variant."""
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1, "size": 5}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "size": "large"}])
    assert tree.load("shop.orders").schema_changes["orders"] == ("size__v_text",)
    assert tree.query("select id, size, size__v_text from raw.orders order by id") == [(1, 5, None), (2, None, "large")]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("on_empty", ["keep", "truncate", "fail"])
def test_on_empty_decides_about_a_replace_without_rows(tree: LakeTree, on_empty: str) -> None:
    """The rows are kept, deleted, or kept with an error."""
    add_orders(tree, "write_disposition: replace", f"on_empty: {on_empty}")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [])
    if on_empty == "fail":
        with pytest.raises(NoRows):
            tree.load("shop.orders")
    else:
        assert tree.load("shop.orders").row_count == (1 if on_empty == "keep" else 0)
    assert tree.query("select count(*) from raw.orders") == [0 if on_empty == "truncate" else 1]


def test_the_last_of_several_rows_with_one_key_is_kept(delta: LakeTree) -> None:
    """This holds within one load too, and child rows of the earlier row are deleted."""
    add_orders(delta, *MODES["merge"])
    delta.give("shop", [{"id": 1, "at": "2024-01-01", "colour": "red", "lines": [{"n": 1}, {"n": 2}]}])
    delta.load("shop.orders")
    delta.give("shop", [{"id": 1, "at": "2024-01-02", "colour": name, "lines": [{"n": 9}]} for name in ("b", "c")])
    outcome = delta.load("shop.orders")
    assert [check.passed for check in outcome.checks if check.name == "primary_key"] == [True]
    assert (delta.query(ORDERS), delta.query(LINES)) == ([(1, "c")], [9])
    delta.give("shop", [{"id": 1, "at": "2024-01-03", "colour": "d", "lines": []}])
    delta.load("shop.orders")
    assert delta.query("select count(*) from raw.orders__lines") == [0]


def test_a_hard_delete_row_deletes_its_key(delta: LakeTree) -> None:
    """The hard-delete row deletes the key's row and child rows, and is never written, even on the first load."""
    add_orders(delta, *MODES["upsert"], "columns: {gone: {data_type: bool, hard_delete: true}}")
    rows = [{"id": 1, "gone": False, "lines": [{"n": 1}]}, {"id": 2, "gone": True, "lines": [{"n": 2}]}]
    delta.give("shop", rows)
    delta.load("shop.orders")
    assert (delta.query("select id from raw.orders"), delta.query(LINES)) == ([1], [1])
    delta.give("shop", [{**rows[0], "gone": True}, {**rows[1], "gone": False}])
    delta.load("shop.orders")
    assert (delta.query("select id from raw.orders"), delta.query(LINES)) == ([2], [2])


@pytest.mark.parametrize("kind", ["delta", "parquet"])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_load_that_fails_half_way_changes_nothing(
    tmp_path: Path, mode: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were already written are deleted before the error is raised."""
    tree = LakeTree(tmp_path, {"LAKE_URL": "lake", "LAKE_FORMAT": kind})
    add_orders(tree, *MODES[mode])
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-02", "lines": [{"n": 2}]}])

    def fail(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LakeClient, "describe_load", fail)
        with pytest.raises(LoadError, match="No space left"):
            tree.load("shop.orders")
    assert (tree.query("select id from raw.orders"), tree.query(LINES)) == ([1], [1])
    assert tree.turns() == ["free"]
    shutil.rmtree(tree.root / "data")
    tree.load("shop.orders")
    expected = [1, 2] if mode == "append" else [2]
    assert (sorted(tree.query("select id from raw.orders")), tree.query(LINES)) == (expected, expected)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("refresh", ["drop", "state"])
def test_a_refresh_drops_the_table_or_resets_the_state(tree: LakeTree, refresh: str) -> None:
    """After `drop`, the table has only the new rows' columns; if only the state is reset, it keeps all columns."""
    add_orders(tree, "write_disposition: append", CURSOR)
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "old": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-01"}])
    assert tree.load("shop.orders", refresh=refresh).row_count == 1
    has_old = tree.query("select count(*) from (describe raw.orders) where column_name = 'old'")
    if tree.warehouse.format == "delta":
        assert has_old == [0 if refresh == "drop" else 1]
    shutil.rmtree(tree.root / "data")
    tree.give("shop", [{"id": 3, "at": "2024-01-02", "lines": [{"n": 2}]}])
    landed = tree.load("shop.orders")
    assert (landed.row_count, landed.cursor, tree.query(LINES)) == (2, ("2024-01-01", "2024-01-02"), [2])


@pytest.mark.parametrize("midnight", ["", "T00:00:00Z"], ids=["text", "timestamp"])
def test_a_range_is_loaded_again(delta: LakeTree, midnight: str) -> None:
    """The rows of the range and their child rows are deleted first, even if no new rows follow; other rows stay."""
    cursor = f'incremental: {{cursor_path: at, initial_value: "2024-01-01{midnight}"}}'
    add_orders(delta, "write_disposition: append", cursor, "partitions: {by: daily, start: 2024-01-01}")
    rows = [{"id": day, "at": f"2024-01-0{day}{midnight}", "lines": [{"n": day}]} for day in (1, 2, 3)]
    second = {"partition_key": "2024-01-02", "start": "2024-01-02T00:00:00Z", "end": "2024-01-03T00:00:00Z"}
    delta.give("shop", rows)
    delta.load("shop.orders")
    delta.give("shop", [{**rows[1], "colour": "red", "lines": [{"n": 7}, {"n": 8}]}])
    delta.load("shop.orders", **second)
    assert (delta.query(ORDERS), delta.query(LINES)) == ([(1, None), (2, "red"), (3, None)], [1, 3, 7, 8])
    delta.give("shop", [])
    delta.load("shop.orders", **second)
    assert (delta.query(ORDERS), delta.query(LINES)) == ([(1, None), (3, None)], [1, 3])


REFUSED = {
    "merge of parquet": ("parquet", ["write_disposition: merge", "primary_key: id"], "LAKE_FORMAT=delta"),
    "partitions of parquet": (
        "parquet",
        ["write_disposition: append", CURSOR, "partitions: {by: daily, start: 2024-01-01}"],
        "LAKE_FORMAT=delta",
    ),
    "scd2": ("delta", ["write_disposition: {disposition: merge, strategy: scd2}"], "upsert or insert-only"),
    "delete-insert": (
        "delta",
        ["write_disposition: {disposition: merge, strategy: delete-insert}", "primary_key: id"],
        "upsert or insert-only",
    ),
    "merge_key": ("delta", ["write_disposition: merge", "merge_key: id"], "with a primary_key"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_files_do_not_support_are_refused(case: str, tmp_path: Path) -> None:
    """The error shows what is accepted."""
    kind, settings, message = REFUSED[case]
    tree = LakeTree(tmp_path, {"LAKE_URL": "lake", "LAKE_FORMAT": kind})
    add_orders(tree, *settings)
    with pytest.raises(WarehouseError, match=message):
        tree.load("shop.orders")
    assert not tree.lake.exists()


def test_parquet_files_follow_the_layout(tmp_path: Path) -> None:
    """There are no other files among them."""
    layout = "{table_name}/{YYYY}/{load_id}.{file_id}.{ext}"
    tree = ParquetTree(tmp_path, {"LAKE_URL": "lake", "LAKE_FORMAT": "parquet", "LAKE_LAYOUT": layout})
    add_orders(tree, "write_disposition: append")
    tree.give("shop", [{"id": 1}])
    landed = tree.load("shop.orders")
    (file,) = (path for path in tree.lake.glob("raw/orders/**/*") if path.is_file())
    assert file.match(f"lake/raw/orders/20[0-9][0-9]/{landed.load_id}.*.parquet")
    assert pyarrow.parquet.read_table(file)["id"].to_pylist() == [1]


@pytest.mark.sampled(7)
def test_tables_of_one_lake_are_loaded_in_parallel(tree: LakeTree) -> None:
    """Each table has its own load, state and failure."""
    names = ["a", "a__b", "c"]
    resources = "\n".join(f"  - {{entry: data.get_rows, destination: raw.{name}}}" for name in names)
    tree.add("shop", f"resources:\n{resources}\n")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tasks = [tree.task(f"shop.{name}") for name in names]
    for _ in range(2):
        outcomes = [event for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
        assert [str(outcome.error) for outcome in outcomes if outcome.error] == []
    assert [tree.query(f"select count(*) from raw.{name}__lines") for name in names] == [[2], [2], [2]]


def test_one_tree_feeds_a_warehouse_and_a_lake(tmp_path: Path) -> None:
    """`warehouse: lake` loads one resource into the lake; the audit trail in the warehouse has both."""
    tree, lake = Tree(tmp_path), LakeTree(tmp_path)
    tree.add("shop", """
        resources:
          - {entry: data.get_rows, destination: raw.here}
          - {entry: data.get_rows, destination: raw.there, warehouse: lake}
        """)  # fmt: skip
    tree.give("shop", [{"id": 1}, {"id": 2}])
    home = replace(tree.warehouse, others=lambda _name: lake.warehouse)
    tasks = [tree.task("shop.here"), tree.task("shop.there")]
    outcomes = [event for event in load_side_by_side(tasks, home) if isinstance(event, Outcome)]
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == []
    assert tree.query("select id from raw.here order by id") == lake.query("select id from raw.there order by id")
    assert tree.query("select asset, rows from raw._load_audit order by asset") == [("raw.here", 2), ("raw.there", 2)]
    assert DeltaTable(lake.lake / "raw" / "there").version() == 1


def test_attempts_of_a_lake_are_read_from_this_machines_log(delta: LakeTree) -> None:
    """The lake has no audit tables, so attempts are read from this machine's log."""
    add_orders(delta, "write_disposition: append")
    delta.give("shop", [{"id": 1}])
    delta.load("shop.orders")
    trail = read_trail(delta.warehouse)
    assert [(attempt.asset, attempt.status, attempt.rows) for attempt in trail.attempts] == [
        ("raw.orders", "loaded", 1)
    ]
    assert trail.unreachable == ""


def test_checks_read_the_lake(tree: LakeTree) -> None:
    """Checks of rows, keys and values read the files."""
    checks = "checks: {primary_key: warn, row_count: {min: 3}, accepted_values: {colour: [red]}}"
    add_orders(tree, "write_disposition: append", "primary_key: id", checks)
    tree.give("shop", [{"id": 1, "colour": "red"}, {"id": 1, "colour": "blue"}])
    found = {check.name: check for check in tree.load("shop.orders").checks}
    assert "1 with a key that another row has" in found["primary_key"].message
    assert found["row_count"].message == "2 rows; accepted: at least 3"
    assert found["accepted_values_colour"].message == "1 rows hold 1 values that are not accepted: 'blue' (1)"


@pytest.mark.sampled(7)
def test_readers_never_see_an_empty_table(tree: LakeTree) -> None:
    """While a table is replaced, a reader of Delta sees one load; a reader of all parquet files may see both."""
    add_orders(tree, "write_disposition: replace")
    tree.give("shop", [{"id": number} for number in range(10)])
    tree.load("shop.orders")
    seen, ended = set[int](), threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen.update(tree.query("select count(*) from raw.orders"))
            except (DatabaseException, FileNotFoundError, ResourceNotFoundError):
                continue  # deleted between listing and reading: a reader of files lists again

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(4):
        tree.load("shop.orders")
    ended.set()
    reader.join()
    assert seen <= ({10} if tree.warehouse.format == "delta" else {10, 20})


def test_a_table_of_another_format_is_refused(delta: LakeTree, parquet: ParquetTree) -> None:
    """Parquet files in the folder of a Delta table, or the reverse, would be ignored or read twice."""
    add_orders(delta, "write_disposition: append")
    delta.give("shop", [{"id": 1}])
    delta.load("shop.orders")
    with pytest.raises(WarehouseError, match="files of another format than LAKE_FORMAT=parquet"):
        parquet.load("shop.orders")
    shutil.rmtree(delta.root / "data")
    assert parquet.load("shop.orders", refresh="drop").row_count == 1
    assert list(delta.lake.glob("raw/orders/_delta_log/*")) == []


def test_a_loaded_table_is_an_ordinary_delta_table(delta: LakeTree) -> None:
    """A reader needs deltalake only."""
    add_orders(delta, "write_disposition: append")
    delta.give("shop", [{"id": 1}, {"id": 2}])
    delta.load("shop.orders")
    assert DeltaTable(delta.lake / "raw" / "orders").to_pyarrow_table()["id"].to_pylist() == [1, 2]


AZURE = {"LAKE_URL": "az://container/folder"}
SETTINGS: dict[str, tuple[dict[str, str], type[FoundationError], str]] = {
    "no url": ({}, SettingMissing, "needs LAKE_URL"),
    "unknown protocol": ({"LAKE_URL": "ftp://bucket"}, WarehouseError, "got 'ftp://'; accepted: az://"),
    "unknown format": (
        {"LAKE_URL": "x", "LAKE_FORMAT": "csv"}, WarehouseError, "got 'csv'; accepted: delta, iceberg, parquet"
    ),
    "layout without load": (
        {"LAKE_URL": "x", "LAKE_LAYOUT": "{table_name}/{file_id}.{ext}"}, WarehouseError, "without {load_id}",
    ),
    "layout without folder": (
        {"LAKE_URL": "x", "LAKE_LAYOUT": "{table_name}.{load_id}.{file_id}.{ext}"}, WarehouseError, "folder of its own",
    ),
    "no account": (AZURE, SettingMissing, "AZURE_STORAGE_ACCOUNT_NAME"),
    "half a principal": (
        {**AZURE, "AZURE_CLIENT_SECRET": "s3cr3t"}, SettingMissing, "ACCOUNT_NAME, AZURE_TENANT_ID, AZURE_CLIENT_ID",
    ),
    "two proofs": (
        {**AZURE, "AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "s3cr3t",
         "AZURE_STORAGE_SAS_TOKEN": "s3cr3t"}, WarehouseError, "are set; accepted: one of them",
    ),
    "no connection string": (
        {**AZURE, "AZURE_STORAGE_CONNECTION_STRING": "s3cr3t"}, WarehouseError, "AccountName=...;AccountKey=...",
    ),
    "half of AWS": ({"LAKE_URL": "s3://b", "AWS_ACCESS_KEY_ID": "s3cr3t"}, SettingMissing, "AWS_SECRET_ACCESS_KEY"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_invalid_settings_are_named(case: str, tmp_path: Path) -> None:
    """The error names all missing settings, and no secret."""
    settings, error, message = SETTINGS[case]
    with pytest.raises(error, match=message) as raised, LakeTree(tmp_path, settings).warehouse.open():
        pass
    assert "s3cr3t" not in str(raised.value)


def test_credentials_of_azure_and_s3_reach_both_libraries(tmp_path: Path) -> None:
    """The credentials reach fsspec, which writes files, and deltalake, which writes tables."""
    account = {**AZURE, "AZURE_STORAGE_ACCOUNT_NAME": "acme"}
    principal = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"}
    for settings, wanted in (
        ({**account, "AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, {"account_name": "acme", "account_key": "a2V5"}),
        ({**account, "AZURE_STORAGE_SAS_TOKEN": "sv=1"}, {"account_name": "acme", "sas_token": "sv=1"}),
        ({**account, **principal}, {"tenant_id": "t", "client_id": "c", "client_secret": "s"}),
        (account, {"account_name": "acme"}),
        ({"LAKE_URL": "abfss://c@acme.dfs.core.windows.net/f"}, {"account_name": "acme"}),
        ({"LAKE_URL": "s3://b/f", **keys}, {"aws_access_key_id": "k", "region": "eu-west-1"}),
    ):
        destination: Any = LakeTree(tmp_path, settings).warehouse.destination()
        credentials = destination.config_params["credentials"]
        options = credentials.to_object_store_rs_credentials()
        assert wanted.items() <= options.items(), settings


@WITHOUT_NODE
def test_a_refusal_of_azure_names_the_setting(azure: Azurite, tmp_path: Path) -> None:
    """A wrong key, a missing container and a read-only token are reported without a retry and without the secret."""
    settings = container(azure)
    wrong = {"AZURE_STORAGE_CONNECTION_STRING": azure.connection_string(key="d3Jvbmc=")}
    absent = {"LAKE_URL": "az://nothere/folder"}
    read_only = {"AZURE_STORAGE_CONNECTION_STRING": azure.connection_string_to_read()}
    for kind in ("delta", "parquet"):
        for change, message in (
            (wrong, "refuses AZURE_STORAGE_CONNECTION_STRING"),
            (absent, "there is no container or bucket 'nothere': create it, or correct LAKE_URL"),
            (read_only, "refuses AZURE_STORAGE_CONNECTION_STRING"),
        ):
            tree = LakeTree(tmp_path, {**settings, "LAKE_FORMAT": kind, **change})
            add_orders(tree, "write_disposition: append", retries="{max: 3, backoff: 30}")
            tree.give("shop", [{"id": 1}])
            started = time.monotonic()
            with pytest.raises(WarehouseError, match=message) as raised:
                tree.load("shop.orders")
            assert time.monotonic() - started < 20
            assert "d3Jvbmc" not in str(raised.value)
            assert "sig=" not in str(raised.value)
    assert LakeTree(tmp_path, settings).load("shop.orders").row_count == 1


def test_an_unreachable_azure_is_retried(tmp_path: Path, unused: Callable[[], int]) -> None:
    """If there is no answer, the load is retried as `retries` allows."""
    address = f"AccountName=acme;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{unused()}/acme"
    settings = {"LAKE_URL": "az://c/t", "AZURE_STORAGE_CONNECTION_STRING": address}
    destination: Any = LakeTree(tmp_path, settings).warehouse.destination()
    message = destination.config_params
    options = {**message["credentials"].to_object_store_rs_credentials(), **message["deltalake_storage_options"]}
    with pytest.raises(OSError, match="Generic MicrosoftAzure error") as raised:
        DeltaTable("az://c/t", storage_options={**options, "max_retries": "0"})
    explained = explain_refusal(raised.value, settings)
    assert isinstance(explained, DestinationTransientException)
    assert is_transient(explained)


def test_an_unreachable_s3_is_retried(tmp_path: Path, unused: Callable[[], int]) -> None:
    """The same for S3."""
    settings = {"LAKE_URL": "s3://bucket/folder", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cr3t",
                "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{unused()}"}  # fmt: skip
    tree = LakeTree(tmp_path, settings)
    with pytest.raises(DestinationTransientException, match="Could not connect") as raised, tree.warehouse.open():
        pass
    assert "s3cr3t" not in str(raised.value)


@pytest.fixture
def unused() -> Callable[[], int]:
    """A function that returns a port without a listener."""

    def port() -> int:
        import socket  # noqa: PLC0415

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            found: int = free.getsockname()[1]
        return found

    return port


def test_deployments_do_not_see_each_other(tmp_path: Path) -> None:
    """A suffix gives a deployment its own folders."""
    production, mine = LakeTree(tmp_path), LakeWarehouse.of(tmp_path, {"LAKE_URL": "lake"}, suffix="__me", others=_none)
    assert mine.dataset("raw") == "raw__me"
    assert mine.work_folder != production.warehouse.work_folder


def _none(name: str) -> DuckDBWarehouse:
    raise AssertionError(name)


def test_a_first_load_has_no_drift(tree: LakeTree) -> None:
    """Every column of a new table is new, including those of the YAML; later ones are reported by name."""
    add_orders(tree, "columns: {id: {data_type: bigint}}")
    tree.give("shop", [{"id": 1, "colour": "red"}])
    first = tree.load("shop.orders")
    assert set(first.schema_changes["orders"]) == {"id", "colour", "_dlt_load_id", "_dlt_id"}
    assert [check.name for check in first.checks if not check.passed] == []
    assert tree.load("shop.orders").schema_changes == {}
    tree.give("shop", [{"id": 2, "size": 1}])
    assert tree.load("shop.orders").schema_changes == {"orders": ("size",)}


def test_a_deployment_has_folders_of_its_own(tmp_path: Path) -> None:
    """`DEPLOYMENT=dev` writes to folders of its own, beside those of production."""
    tree = LakeTree(tmp_path)
    add_orders(tree)
    tree.give("shop", [{"id": 1}])
    load_resource(tree.task("shop.orders"), replace(tree.warehouse, suffix="__anna"))
    assert [folder.name for folder in (tmp_path / "lake").iterdir()] == ["raw__anna"]


PLACES_BY_URL = {
    "az://main/folder": "az://raw-data/bronze",
    "abfss://main@account.dfs.core.windows.net/folder": "abfss://raw-data@account.dfs.core.windows.net/bronze",
    "s3://main": "s3://raw-data/bronze",
    "/srv/lake": "/srv/lake/raw-data/bronze",
}


@pytest.mark.parametrize(("url", "expected"), PLACES_BY_URL.items(), ids=PLACES_BY_URL)
def test_a_place_uses_the_account_of_the_lake(url: str, expected: str, tmp_path: Path) -> None:
    """Container and folders are those of the place; pending loads of different places are in different folders."""
    lake = LakeTree(tmp_path, {"LAKE_URL": url}).warehouse
    there = lake.at(LakePlace(container="raw-data", folder="bronze/sales"))
    assert (there.url, there.dataset("raw"), replace(there, suffix="__me").dataset("raw")) == (
        expected,
        "sales",
        "sales__me",
    )
    assert there.work_folder.parent == lake.work_folder.parent
    assert there.work_folder != lake.work_folder != lake.at(LakePlace(container="raw-data", folder="b")).work_folder


def test_a_table_is_in_its_place_with_its_child_tables_and_state(tree: LakeTree) -> None:
    """With `lake: {container, folder}`, rows, child rows and state are in that folder, for loads and for queries."""
    if "://" in tree.settings["LAKE_URL"]:
        place = f"container: {tree.settings['LAKE_URL'].partition('://')[2].split('/')[0]}, folder: bronze/sales"
    else:
        place = "container: raw-data, folder: bronze/sales"
    add_orders(tree, *MODES["append"], f"lake: {{{place}}}")
    for number in (1, 2):
        tree.give("shop", [{"id": number, "at": f"2024-02-0{number}", "lines": [{"n": number}]}])
        result = tree.load("shop.orders")
    assert (result.row_count, result.children) == (2, {"orders__lines": 2})
    home = tree.warehouse
    there = home.serving(tree.task("shop.orders").resource)
    with there.open() as destination, connect(destination, there.dataset("raw")) as client:
        assert client.execute_sql("select id from sales.orders order by id") == [(1,), (2,)]


def test_a_place_needs_a_lake(delta: LakeTree) -> None:
    """With `warehouse: duckdb` it is refused with the file and what to do."""
    add_orders(delta, "warehouse: duckdb", "lake: {container: a, folder: b}")
    with pytest.raises(ConfigError, match="lake is where a table lands in a lake, and warehouse is duckdb; leave one"):
        delta.task("shop.orders")


@pytest.mark.sampled(11)
def test_a_load_that_is_stopped_before_its_commit_changes_nothing(
    tree: LakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that comes before the load is marked as landed undoes what was written; the next load is right."""
    check_stop_before_commit(tree, "replace", monkeypatch)
