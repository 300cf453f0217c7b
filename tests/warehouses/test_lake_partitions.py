"""Tests of `partition` in `columns`, and of dlt's adapter for Iceberg: tables of a lake whose files are kept apart."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from data_foundation.errors import FoundationError, WarehouseError
from tests.promises.test_killed import CURSOR
from tests.support.lakes import IcebergTree, LakeTree, ParquetTree
from tests.warehouses.test_lake_iceberg import MODES, open_table

TREES = {"delta": LakeTree, "iceberg": IcebergTree}
FIRST: Sequence[dict[str, Any]] = [
    {"id": 1, "part": "a", "at": "2024-01-01", "lines": [{"n": 1}, {"n": 2}]},
    {"id": 2, "part": "b", "at": "2024-01-02"},
    {"id": 3, "part": None, "at": "2024-01-02", "lines": [{"n": 9}]},
]
SECOND: Sequence[dict[str, Any]] = [
    {"id": 1, "part": "b", "at": "2024-02-03", "colour": "red", "lines": [{"n": 3}]},
    {"id": 2, "part": "b", "at": "2024-02-03", "colour": "blue"},
    {"id": 4, "part": "c/d=e %", "at": "2024-02-03"},
]
ROWS = "select id, part, colour from raw.orders order by id, part nulls first, colour nulls first"
LINES = "select n from raw.orders__lines order by n"
EXPECTED: Mapping[str, tuple[list[Any], list[int]]] = {
    "append": (
        [
            *[(1, "a", None), (1, "b", "red"), (2, "b", None), (2, "b", "blue"), (3, None, None)],
            (4, "c/d=e %", None),
        ],
        [1, 2, 3, 9],
    ),
    "replace": ([(1, "b", "red"), (2, "b", "blue"), (4, "c/d=e %", None)], [3]),
    "merge": ([(1, "b", "red"), (2, "b", "blue"), (3, None, None), (4, "c/d=e %", None)], [3, 9]),
    "upsert": ([(1, "b", "red"), (2, "b", "blue"), (3, None, None), (4, "c/d=e %", None)], [3, 9]),
    "insert-only": ([(1, "a", None), (2, "b", None), (3, None, None), (4, "c/d=e %", None)], [1, 2, 9]),
}
DISPOSITIONS = {**MODES, "upsert": ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id"]}
PART = "part: {partition: true}"


def set_orders(tree: LakeTree, *settings: str, columns: str = "", **more: str) -> None:
    """Writes the source `shop` with the table `orders`."""
    lines = [
        *settings,
        *([f"columns: {{{columns}}}"] if columns else []),
        "destination: raw.orders",
        "retries: {max: 0}",
    ]
    text = "\n".join(f"    {line}" for line in lines)
    tree.add("shop", f"resources:\n  - entry: data.get_rows\n{text}\n", **more)


def load(tree: LakeTree, rows: Sequence[Any], **options: Any) -> None:
    """Gives rows and loads them."""
    tree.give("shop", rows)
    tree.load("shop.orders", **options)


def delta_partitions(tree: LakeTree) -> list[str]:
    """Returns the partition columns of the Delta table."""
    return list(DeltaTable(str(tree.lake / "raw" / "orders")).metadata().partition_columns)


def iceberg_partitions(tree: LakeTree) -> list[str]:
    """Returns column and transform of each partition field of the Iceberg table."""
    table = open_table(tree).table
    name = table.schema().find_column_name
    return [f"{name(field.source_id)} {field.transform}" for field in table.spec().fields]


@pytest.fixture
def tree(table_format: str, tmp_path: Any) -> LakeTree:
    """A project with tables of a format in its folder."""
    return TREES[table_format](tmp_path)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("table_format", TREES)
@pytest.mark.parametrize("mode", EXPECTED)
def test_every_write_disposition(tree: LakeTree, table_format: str, mode: str) -> None:
    """Rows that change their partition, nested rows, NULL and a new column arrive as in a table without partitions."""
    set_orders(tree, *DISPOSITIONS[mode], columns=PART)
    load(tree, FIRST)
    load(tree, SECOND)
    assert (tree.query(ROWS), tree.query(LINES)) == EXPECTED[mode]
    found = delta_partitions(tree) if table_format == "delta" else iceberg_partitions(tree)
    assert found == (["part"] if table_format == "delta" else ["part identity"])


@pytest.mark.rare
@pytest.mark.parametrize("table_format", TREES)
def test_a_range_is_loaded_again(tree: LakeTree) -> None:
    """The rows of a range are deleted from every partition that has some of them, and no others."""
    cursor = 'incremental: {cursor_path: at, initial_value: "2024-01-01T00:00:00Z"}'
    set_orders(tree, "write_disposition: append", cursor, "partitions: {by: daily, start: 2024-01-01}", columns=PART)
    rows: list[dict[str, Any]] = [
        {"id": day, "at": f"2024-01-0{day}T00:00:00Z", "part": "ab"[day % 2], "colour": "red"} for day in (1, 2, 3)
    ]
    second = {"partition_key": "2024-01-02", "start": "2024-01-02T00:00:00Z", "end": "2024-01-03T00:00:00Z"}
    load(tree, rows)
    load(tree, [{**rows[1], "part": "b", "colour": "blue"}], **second)
    assert tree.query(ROWS) == [(1, "b", "red"), (2, "b", "blue"), (3, "b", "red")]
    load(tree, [], **second)
    assert tree.query(ROWS) == [(1, "b", "red"), (3, "b", "red")]


CHANGES = {
    "added later": ({}, {"part": "true"}, ["part identity"]),
    "another column": ({"id": "true"}, {"part": "true"}, ["part identity"]),
    "another transform": ({"at": "year"}, {"at": "month"}, ["at month"]),
    "one more": ({"id": "true"}, {"id": "true", "part": "bucket[4]"}, ["id identity", "part bucket[4]"]),
    "a new column": ({"part": "true"}, {"colour": "true"}, ["colour identity"]),
    "taken out": ({"id": "true"}, {}, ["id identity"]),
}


@pytest.mark.sampled(13)
@pytest.mark.parametrize("table_format", ["iceberg"])
@pytest.mark.parametrize("mode", ["append", "merge"])
@pytest.mark.parametrize("change", CHANGES)
def test_iceberg_changes_its_partitions(tree: LakeTree, mode: str, change: str) -> None:
    """Files of both partitionings are read, merged and replaced together."""
    before, after, expected = CHANGES[change]
    set_orders(tree, *_plain(mode), columns=_partitioned(before))
    load(tree, [{**row, "at": f"{row['at']}T00:00:00Z"} for row in FIRST])
    set_orders(tree, *_plain(mode), columns=_partitioned(after))
    second = [{**row, "at": f"{row['at']}T00:00:00Z"} for row in SECOND]
    load(tree, second)
    assert sorted(iceberg_partitions(tree)) == expected
    assert (tree.query(ROWS), tree.query(LINES)) == EXPECTED[mode]
    load(tree, second)
    assert tree.query(LINES) == (EXPECTED[mode][1] if mode == "merge" else sorted([*EXPECTED[mode][1], 3]))


def _partitioned(partitions: Mapping[str, str]) -> str:
    """Returns the value of `columns`."""
    known = {"at": "timestamp", "part": "text", "id": "bigint", "colour": "text"}
    return ", ".join(
        f"{name}: {{data_type: {known[name]}, partition: {partition if partition == 'true' else repr(partition)}}}"
        for name, partition in {"at": "false", **partitions}.items()
    ).replace("'false'", "false")


def _plain(mode: str) -> Sequence[str]:
    """Returns the settings of a disposition without its cursor, whose column has a type of its own here."""
    return [line for line in MODES[mode] if line != CURSOR]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("table_format", ["delta"])
@pytest.mark.parametrize(
    ("before", "after"), [("", PART), (PART, "id: {partition: true}"), (PART, "id: {partition: true}, " + PART)]
)
def test_delta_refuses_other_partitions(tree: LakeTree, before: str, after: str) -> None:
    """A Delta table keeps its partitions until it is dropped; the message says so, and nothing is written."""
    set_orders(tree, *MODES["merge"], columns=before)
    load(tree, FIRST)
    set_orders(tree, *MODES["merge"], columns=after)
    with pytest.raises(FoundationError, match="refresh=drop"):
        load(tree, SECOND)
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3]
    load(tree, SECOND, refresh="drop")
    assert tree.query(ROWS) == EXPECTED["replace"][0]
    assert len(delta_partitions(tree)) == after.count("partition")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("table_format", TREES)
def test_partitions_that_are_taken_out_stay(tree: LakeTree, table_format: str) -> None:
    """Another program may have chosen them; `refresh: drop` makes the table anew without."""
    set_orders(tree, *MODES["merge"], columns=PART)
    load(tree, FIRST)
    set_orders(tree, *MODES["merge"])
    load(tree, SECOND)
    assert (tree.query(ROWS), tree.query(LINES)) == EXPECTED["merge"]
    load(tree, SECOND, refresh="drop")
    assert tree.query(ROWS) == EXPECTED["replace"][0]
    assert not (delta_partitions(tree) if table_format == "delta" else iceberg_partitions(tree))


@pytest.mark.rare
@pytest.mark.parametrize("table_format", TREES)
def test_a_partition_column_gets_another_type(tree: LakeTree) -> None:
    """`refresh: drop` makes the column anew, and the partitions by it."""
    set_orders(tree, "write_disposition: replace", columns="part: {partition: true}")
    load(tree, [{"id": 1, "part": 5}])
    load(tree, [{"id": 1, "part": "five"}], refresh="drop")
    load(tree, [{"id": 2, "part": "six"}])
    assert tree.query("select id, part from raw.orders") == [(2, "six")]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("table_format", TREES)
@pytest.mark.parametrize("text", ["", "__HIVE_DEFAULT_PARTITION__"])
def test_a_text_that_delta_reads_as_null(tree: LakeTree, table_format: str, text: str) -> None:
    """Delta's readers take it for NULL, so the load is refused; Iceberg keeps it."""
    set_orders(tree, *MODES["merge"], columns=PART)
    load(tree, FIRST)
    rows = [{"id": 1, "part": text, "at": "2024-03-01"}]
    if table_format == "delta":
        with pytest.raises(FoundationError, match="takes for NULL"):
            load(tree, rows)
        assert tree.query("select part from raw.orders order by id") == ["a", "b", None]
    else:
        load(tree, rows)
        assert tree.query("select part from raw.orders order by id") == [text, "b", None]


TYPED = '''
import datetime
from decimal import Decimal


def get_rows():
    """Yields odd values of a type."""
    yield [{{"id": number, "value": value}} for number, value in enumerate({values!r})]
'''
UTC = dt.UTC
VALUES: Mapping[str, Sequence[Any]] = {
    "bigint": [2**63 - 1, -(2**63), 0],
    "bool": [True, False, None],
    "text": ["é\n\U0001f600", "a/b=%20", "NULL", " x ", "a'b\"c\\"],
    "date": [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)],
    "timestamp": [
        dt.datetime(1, 1, 1, tzinfo=UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    "decimal": [Decimal("0.000000001"), Decimal("-12345678901234567890123456789.123456789"), Decimal(0)],
    "binary": [b"\x00\xff", b"", b"abc"],
    "double": [0.5, 1e300],
}
TRANSFORMS = ("true", "year", "month", "day", "hour", "bucket[4]", "truncate[2]")
ACCEPTED: Mapping[str, set[str]] = {
    "bigint": {"true", "bucket[4]", "truncate[2]"},
    "bool": {"true"},
    "text": {"true", "bucket[4]", "truncate[2]"},
    "date": {"true", "year", "month", "day", "bucket[4]"},
    "timestamp": {"true", "year", "month", "day", "hour", "bucket[4]"},
    "decimal": {"true", "bucket[4]", "truncate[2]"},
    "binary": {"true", "bucket[4]", "truncate[2]"},
    "double": set(),
}
EXACT_IN_DELTA = {kind: {"true"} - ({"true"} if kind in {"decimal", "binary", "double"} else set()) for kind in VALUES}
CELLS = [
    *(("iceberg", kind, transform) for kind in VALUES for transform in TRANSFORMS),
    *(("delta", kind, "true") for kind in VALUES),
]


@pytest.mark.sampled(17)
@pytest.mark.parametrize(("table_format", "kind", "transform"), CELLS)
def test_values_arrive_exactly_or_are_refused(tree: LakeTree, table_format: str, kind: str, transform: str) -> None:
    """For each type and transform: the values come back, also after a merge, or nothing is written."""
    data = TYPED.format(values=VALUES[kind])
    digits = ", precision: 38, scale: 9" if kind == "decimal" else ""
    columns = f"value: {{data_type: {kind}{digits}, partition: '{transform}'}}".replace("'true'", "true")
    set_orders(tree, *_plain("merge"), columns=columns, data=data)
    accepted = ACCEPTED[kind] if table_format == "iceberg" else EXACT_IN_DELTA[kind]
    if transform not in accepted:
        with pytest.raises(FoundationError, match="accepted"):
            tree.load("shop.orders")
        return
    for _ in range(2):
        tree.load("shop.orders")
        assert tree.query("select value from raw.orders order by id") == VALUES[kind]


def test_the_adapter_of_dlt(tmp_path: Any) -> None:
    """`iceberg_adapter` in the code of an entry partitions too, and the configuration wins for a column of both."""
    data = '''
import dlt
from dlt.destinations.adapters import iceberg_adapter, iceberg_partition


@dlt.resource(columns={"at": {"data_type": "timestamp"}})
def orders():
    """Yields rows."""
    yield [{"id": number, "at": f"2024-0{number}-01T00:00:00Z", "Part": "a"} for number in (1, 2, 3)]


def get_rows():
    """Returns the resource with its partitions."""
    return iceberg_adapter(orders, partition=[iceberg_partition.month("at", "by_month"), "Part"])
'''
    tree = IcebergTree(tmp_path)
    set_orders(tree, "write_disposition: replace", data=data)
    tree.load("shop.orders")
    assert iceberg_partitions(tree) == ["at month", "part identity"]
    set_orders(tree, "write_disposition: replace", columns="at: {partition: day}", data=data)
    tree.load("shop.orders")
    assert sorted(iceberg_partitions(tree)) == ["at day", "part identity"]
    assert tree.query("select id from raw.orders order by id") == [1, 2, 3]


@pytest.mark.rare
@pytest.mark.parametrize("table_format", ["iceberg"])
def test_a_load_that_fails_takes_its_partitions_with_it(tree: LakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partitioning by a column that the undone load has added cannot stay: the table could not be read."""
    set_orders(tree, *MODES["merge"])
    load(tree, FIRST)
    set_orders(tree, *MODES["merge"], columns="colour: {partition: true}")

    def fail(*_given: object) -> None:
        raise WarehouseError("no landing")

    with monkeypatch.context() as patched:
        patched.setattr("data_foundation.warehouses.lake.turns.Turn.land", fail)
        with pytest.raises(Exception, match="no landing"):
            load(tree, SECOND)
    assert tree.query("select id, part from raw.orders order by id") == [(1, "a"), (2, "b"), (3, None)]
    assert iceberg_partitions(tree) == []
    load(tree, SECOND)
    assert iceberg_partitions(tree) == ["colour identity"]
    assert (tree.query(ROWS), tree.query(LINES)) == EXPECTED["merge"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("tree_type", "columns", "message"),
    [
        pytest.param(ParquetTree, "part: {partition: true}", "LAKE_LAYOUT", id="parquet"),
        pytest.param(LakeTree, "at: {partition: day}", "got day", id="a transform in Delta"),
        pytest.param(LakeTree, "none: {partition: true}", "no column none", id="Delta, a column without rows"),
        pytest.param(IcebergTree, "none: {partition: true}", "no column none", id="Iceberg, a column without rows"),
        pytest.param(IcebergTree, "part: {partition: week}", "accepted: true", id="an unknown transform"),
    ],
)
def test_what_is_refused(tmp_path: Any, tree_type: type[LakeTree], columns: str, message: str) -> None:
    """The message names what is accepted."""
    tree = tree_type(tmp_path)
    set_orders(tree, "write_disposition: append", columns=columns)
    with pytest.raises(FoundationError, match=message):
        load(tree, FIRST)


def test_folders_by_the_day_of_the_load(tmp_path: Any) -> None:
    """Parquet files lie in folders that their layout names; a column with the name of such a folder is refused."""
    layout = "{table_name}/dt={YYYY}-{MM}-{DD}/{load_id}.{file_id}.{ext}"
    tree = ParquetTree(tmp_path, {"LAKE_URL": "lake", "LAKE_FORMAT": "parquet", "LAKE_LAYOUT": layout})
    set_orders(tree, "write_disposition: replace")
    for rows in (FIRST, SECOND):
        load(tree, rows)
    assert (tree.query(ROWS), tree.query(LINES)) == EXPECTED["replace"]
    assert all(path.parent.name.startswith("dt=20") for path in (tree.lake / "raw" / "orders").rglob("*.parquet"))
    with pytest.raises(FoundationError, match="LAKE_LAYOUT has a folder 'dt='"):
        load(tree, [{"id": 1, "dt": "2024-01-01"}])
    assert tree.query(ROWS) == EXPECTED["replace"][0]


@pytest.mark.rare
@pytest.mark.parametrize("table_format", TREES)
def test_hints_that_are_taken_out_have_no_effect(tree: LakeTree) -> None:
    """Without `hard_delete` a marked row is a row again: dlt's stored schema still has the hint."""
    set_orders(tree, *_plain("merge"), columns="gone: {data_type: bool, hard_delete: true}")
    load(tree, [{"id": 1, "gone": False}, {"id": 2, "gone": False}])
    load(tree, [{"id": 2, "gone": True}])
    assert tree.query("select id from raw.orders") == [1]
    set_orders(tree, *_plain("merge"))
    load(tree, [{"id": 2, "gone": True}])
    assert tree.query("select id from raw.orders order by id") == [1, 2]
