"""Tests of LAKE_FORMAT=iceberg: Iceberg tables in a folder and in S3, with catalogues in SQLite and PostgreSQL."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.warehouses.lake.iceberg.fenced_table import FencedTable
from data_foundation.warehouses.lake.iceberg.tables import open_fenced
from data_foundation.warehouses.lake.warehouse import of_lake
from tests.promises import killed
from tests.promises.test_killed import CURSOR, Scenario, content
from tests.support.lakes import ICEBERG, IcebergTree, LakeTree, MarkedIcebergTree
from tests.support.postgres_server import PostgresServer
from tests.support.stores import run_s3
from tests.support.trees import Tree

MODES = {
    "append": ["write_disposition: append", CURSOR],
    "replace": ["write_disposition: replace"],
    "merge": ["write_disposition: merge", "primary_key: id", CURSOR],
    "upsert by two keys": ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: [id, part]"],
    "insert-only": ["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"],
}
ORDERS = "select id, colour from raw.orders order by id, colour nulls first"
LINES = "select n from raw.orders__lines order by n"
FIRST = [
    {"id": 1, "part": "a", "at": "2024-01-01", "lines": [{"n": 1, "taxes": [{"rate": 5}]}, {"n": 2}]},
    {"id": 2, "part": "a", "at": "2024-01-02"},
]
SECOND = [
    {"id": 1, "part": "b", "at": "2024-01-03", "colour": "red", "lines": [{"n": 3}]},
    {"id": 2, "part": "a", "at": "2024-01-03", "colour": "blue"},
    {"id": 3, "part": "a", "at": "2024-01-03"},
]
EXPECTED: Mapping[str, tuple[list[Any], list[int]]] = {
    "append": ([(1, None), (1, "red"), (2, None), (2, "blue"), (3, None)], [1, 2, 3]),
    "replace": ([(1, "red"), (2, "blue"), (3, None)], [3]),
    "merge": ([(1, "red"), (2, "blue"), (3, None)], [3]),
    "upsert by two keys": ([(1, None), (1, "red"), (2, "blue"), (3, None)], [1, 2, 3]),
    "insert-only": ([(1, None), (2, None), (3, None)], [1, 2]),
}

TYPED = '''
import datetime as dt
from decimal import Decimal

VALUES = [
    (2**63 - 1, 0.1, Decimal("12345678901234567890123456789.123456789"), "a'b\\\\N", b"\\x00\\xff",
     dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.timezone.utc), dt.date(1, 1, 1), dt.time(23, 59, 59, 999999)),
    (-(2**63), 5e-324, Decimal("-0.000000001"), "", b"0",
     dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.timezone.utc), dt.date(9999, 12, 31), dt.time(0)),
    (0, 1.7976931348623157e308, Decimal(0), "\\u00e9\\U0001f600\\n", b"NULL",
     dt.datetime(1, 1, 1, tzinfo=dt.timezone.utc), dt.date(2024, 2, 29), dt.time(0, 0, 0, 1)),
]


def get_rows():
    """Yields the smallest, the largest and the odd values of each type."""
    names = ("whole", "real", "exact", "text", "raw", "at", "day", "clock")
    yield [{"id": number, "yes": bool(number % 2), **dict(zip(names, row))} for number, row in enumerate(VALUES)]
'''


@pytest.fixture
def tree(tmp_path: Path) -> IcebergTree:
    """A project with Iceberg tables in its folder."""
    return IcebergTree(tmp_path)


def add_orders(tree: LakeTree, *settings: str, **more: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    lines = "\n".join(f"    {line}" for line in ("destination: raw.orders", "retries: {max: 0}", *settings))
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{lines}\n", **more)


def check_disposition(tree: LakeTree, mode: str) -> None:
    """Makes two loads, the second on an empty disk, and compares rows, nested rows, counts and new columns."""
    add_orders(tree, *MODES[mode])
    tree.give("shop", FIRST)
    first = tree.load("shop.orders")
    assert (first.rows, first.row_count, first.children) == (2, 2, {"orders__lines": 2, "orders__lines__taxes": 1})
    shutil.rmtree(tree.root / "data")  # the state is in the lake
    tree.give("shop", SECOND)
    second = tree.load("shop.orders")
    assert second.schema_changes["orders"] == ("colour",)
    assert (tree.query(ORDERS), tree.query(LINES)) == EXPECTED[mode]
    assert second.row_count == len(EXPECTED[mode][0])


def open_table(tree: LakeTree) -> FencedTable:
    """Returns the table `orders` as it is now."""
    with tree.warehouse.open() as destination:
        table = open_fenced(of_lake(destination).client_of("raw", "orders"), "orders")
    assert table
    return table


@pytest.mark.parametrize("mode", MODES)
def test_every_write_disposition(tree: IcebergTree, mode: str) -> None:
    """Rows, nested rows, a new column, a cursor and an empty disk work as in every other warehouse."""
    check_disposition(tree, mode)


def test_a_catalogue_in_postgresql_and_files_in_s3(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """The catalogue is on a server, so that several machines share it."""
    with run_s3() as s3:
        server = postgres_server.settings(postgres_server.create_database())
        settings = {**server, **s3.lake("iceberg"), "LAKE_FORMAT": "iceberg", "LAKE_CATALOG": "postgres"}
        check_disposition(LakeTree(tmp_path, settings), "merge")


def test_values_arrive_exactly(tree: IcebergTree) -> None:
    """The extremes of each type are the same after a load and after the rewriting of their file by a merge."""
    columns = "columns: {exact: {data_type: decimal, precision: 38, scale: 9}}"
    add_orders(tree, "write_disposition: merge", "primary_key: id", columns, data=TYPED)
    tree.load("shop.orders")
    given: dict[str, Any] = {}
    exec(TYPED, given)  # noqa: S102 - the same text as the source
    values = 'select whole, real, exact, text, raw, "at", day, clock from raw.orders order by id'
    assert tree.query(values) == given["VALUES"]
    add_orders(
        tree,
        "write_disposition: merge",
        "primary_key: id",
        columns,
        data=TYPED.replace("yield [", "yield [][:0] or [").replace("enumerate(VALUES)", "enumerate(VALUES[:1])"),
    )
    tree.load("shop.orders")
    assert tree.query(values) == given["VALUES"]


def test_other_programs_read_the_tables(tree: IcebergTree) -> None:
    """The catalogue is plain pyiceberg's, and each load is one commit that names it."""
    add_orders(tree, *MODES["append"])
    tree.give("shop", FIRST)
    load_id = tree.load("shop.orders").load_id
    catalogue = load_catalog("lake", type="sql", uri=f"sqlite:///{tree.lake}/iceberg.sqlite")
    table = catalogue.load_table("raw.orders")
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == [1, 2]
    snapshot = table.current_snapshot()
    assert snapshot
    assert snapshot.summary
    assert snapshot.summary["data_foundation_load_id"] == load_id


def test_a_commit_to_an_older_snapshot_fails(tree: IcebergTree) -> None:
    """Pyiceberg would repeat it on the newer snapshot, which the load has not seen."""
    add_orders(tree, *MODES["append"])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    first, second = open_table(tree), open_table(tree)
    rows = second.table.scan().to_arrow().to_reader()
    first.commit()
    with pytest.raises(CommitFailedException):
        second.commit(rows)
    assert open_table(tree).count() == 2


@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_a_load_that_fails_undoes_itself(tree: IcebergTree, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and columns are those before the load, also of the nested tables that were written."""
    add_orders(tree, *MODES[mode])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    before = open_table(tree)
    tree.give("shop", SECOND)
    with monkeypatch.context() as patched:
        patched.setattr("data_foundation.warehouses.lake.turns.Turn.land", _fail)
        with pytest.raises(Exception, match="no landing"):
            tree.load("shop.orders")
    after = open_table(tree)
    assert (after.version, after.table.schema()) == (before.version, before.table.schema())
    assert (tree.query("select id from raw.orders order by id"), tree.query(LINES)) == ([1, 2], [1, 2])
    tree.load("shop.orders")
    assert (tree.query(ORDERS), tree.query(LINES)) == EXPECTED[mode]


def test_a_first_load_that_fails_leaves_no_table(tree: IcebergTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the catalogue nor the folder has it, and the next load makes it."""
    add_orders(tree, *MODES["replace"])
    tree.give("shop", FIRST)
    with monkeypatch.context() as patched:
        patched.setattr("data_foundation.warehouses.lake.turns.Turn.land", _fail)
        with pytest.raises(Exception, match="no landing"):
            tree.load("shop.orders")
    assert not list((tree.lake / "raw" / "orders").rglob("*.parquet"))
    assert tree.load("shop.orders").row_count == 2


def _fail(*_given: object) -> None:
    raise WarehouseError("no landing")


def test_columns_are_made_anew(tree: IcebergTree) -> None:
    """`refresh: drop` gives a column another type, and removes those that no row has any more."""
    add_orders(tree, *MODES["replace"])
    tree.give("shop", [{"id": 1, "size": 5, "old": 1}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 1, "size": "large"}])
    assert tree.load("shop.orders", refresh="drop").row_count == 1
    assert tree.query("select size from raw.orders") == ["large"]
    assert "old" not in open_table(tree).table.schema().column_names


def test_a_range_is_loaded_again(tree: IcebergTree) -> None:
    """The rows of a partition are deleted before they are loaded again, and no others."""
    cursor = 'incremental: {cursor_path: at, initial_value: "2024-01-01T00:00:00Z"}'
    add_orders(tree, "write_disposition: append", cursor, "partitions: {by: daily, start: 2024-01-01}")
    rows = [{"id": day, "at": f"2024-01-0{day}T00:00:00Z", "lines": [{"n": day}]} for day in (1, 2, 3)]
    second = {"partition_key": "2024-01-02", "start": "2024-01-02T00:00:00Z", "end": "2024-01-03T00:00:00Z"}
    tree.give("shop", rows)
    tree.load("shop.orders")
    tree.give("shop", [{**rows[1], "colour": "red", "lines": [{"n": 7}, {"n": 8}]}])
    tree.load("shop.orders", **second)
    assert (tree.query(ORDERS), tree.query(LINES)) == ([(1, None), (2, "red"), (3, None)], [1, 3, 7, 8])
    tree.give("shop", [])
    tree.load("shop.orders", **second)
    assert (tree.query(ORDERS), tree.query(LINES)) == ([(1, None), (3, None)], [1, 3])


def test_a_lost_catalogue_is_refused(tree: IcebergTree) -> None:
    """Files that the catalogue does not know are not taken for a new table, which would hide their rows."""
    add_orders(tree, *MODES["append"])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    (tree.lake / "iceberg.sqlite").unlink()
    tree.give("shop", SECOND)
    with pytest.raises(WarehouseError, match="catalogue"):
        tree.load("shop.orders")


def test_a_lake_that_was_moved_is_refused(tree: IcebergTree, tmp_path: Path) -> None:
    """Its catalogue names the files at their former place, which may be those of another lake."""
    add_orders(tree, *MODES["append"])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    copy = LakeTree(tmp_path, {**ICEBERG, "LAKE_URL": "copy"})
    shutil.copytree(tree.lake, copy.root / "copy")
    tree.give("shop", SECOND)
    with pytest.raises(WarehouseError, match="cannot be moved"):
        copy.load("shop.orders")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            {"LAKE_URL": "s3://bucket/lake", "AWS_REGION": "eu"}, "LAKE_CATALOG", id="a bucket without a catalogue"
        ),
        pytest.param({"LAKE_URL": "lake", "LAKE_CATALOG": "hive"}, "got 'hive'", id="an unknown catalogue"),
        pytest.param({"LAKE_URL": "lake", "LAKE_CATALOG": "postgres"}, "POSTGRES_HOST", id="a server without settings"),
    ],
)
def test_settings_that_are_refused(tmp_path: Path, given: Mapping[str, str], message: str) -> None:
    """The message names the setting."""
    with pytest.raises((SettingMissing, WarehouseError), match=message):
        LakeTree(tmp_path, {"LAKE_FORMAT": "iceberg", **given}).warehouse.destination()


def test_two_tables_are_loaded_at_once(tree: IcebergTree) -> None:
    """The catalogue in SQLite takes the commits of several threads one after another."""
    names = [f"t{number}" for number in range(6)]
    entries = "".join(
        f"  - entry: data.get_rows\n    destination: raw.{name}\n    write_disposition: replace\n" for name in names
    )
    tree.add("shop", f"resources:\n{entries}")
    tree.give("shop", FIRST)
    events = load_side_by_side([tree.task(f"shop.{name}") for name in names], tree.warehouse)
    assert [event.error for event in events if isinstance(event, Outcome)] == [None] * len(names)
    assert [tree.query(f"select count(*) from raw.{name}") for name in names] == [[2]] * len(names)


def test_a_dataset_that_another_load_has_just_created_is_used(
    tree: IcebergTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two first loads, both may find that the catalogue has no such namespace; the later one fails at nothing."""
    tree.add("shop", "resources:\n  - {entry: data.get_rows, destination: raw.one}\n"
             "  - {entry: data.get_rows, destination: raw.two}\n")  # fmt: skip
    tree.give("shop", FIRST)
    tree.load("shop.one")
    exists, looks = SqlCatalog.namespace_exists, []

    def look(catalogue: SqlCatalog, namespace: str) -> bool:
        looks.append(namespace)
        return len(looks) > 1 and exists(catalogue, namespace)

    monkeypatch.setattr(SqlCatalog, "namespace_exists", look)
    assert tree.load("shop.two").rows == len(FIRST)
    assert looks


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "mode",
    ["merge", *(pytest.param(mode, marks=pytest.mark.rare) for mode in ("append", "replace", "merge, partitioned"))],
)
def test_a_repeated_killed_run_equals_one_run(mode: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Killed around a commit, a file or a rename, a repeated run ends like an undisturbed one, on an empty disk too."""
    kind, _, partitioned = mode.partition(", ")
    columns = ["columns: {state: {partition: true}, id: {partition: 'bucket[4]'}}"] if partitioned else []
    scenario = Scenario([*MODES[kind], *columns], nested=True, tree=MarkedIcebergTree)
    # The tables cannot be moved, so each run begins with a copy at the same place.
    place, before = tmp_path / "project", tmp_path / "before"
    scenario.prepare(MarkedIcebergTree(place))
    place.rename(before)

    def put_back(_number: int) -> MarkedIcebergTree:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(before, place)
        return MarkedIcebergTree(place)

    undisturbed = put_back(0)
    points = [
        point for point in killed.trace(undisturbed, "shop.orders") if "/lake/" in point[0] or "/marks/" in point[0]
    ]
    expected = content(undisturbed, scenario)

    def judge(tree: Tree) -> bool:
        assert isinstance(tree, MarkedIcebergTree)
        shutil.rmtree(tree.root / "data")
        assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
        assert content(tree, scenario) == expected, killed.last_failure(tree)
        assert tree.turns() == ["free"]
        return True

    wanted = 2 * len(points) if request.config.getoption("--promises") else 1
    assert killed.interrupt(points * 2, wanted, put_back, judge, 0.6)
