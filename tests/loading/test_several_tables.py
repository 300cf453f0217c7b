"""A resource whose code names several tables fills each of them with its rows, and with nothing else."""

from pathlib import Path

import pytest

from data_foundation.errors import ValueRefused
from tests.support.trees import Tree

DATA = """
from pathlib import Path

import dlt
import pyarrow as pa

RUN = int((Path(__file__).parent / "run.txt").read_text())


def rows(*ids):
    return [{"id": number, "run": RUN} for number in ids]


@dlt.resource
def marked():
    for page in range(3):
        yield dlt.mark.with_table_name(rows(10 * page + 1), "pushes")
        yield dlt.mark.with_table_name(rows(10 * page + 2, 10 * page + 3), "watches")
    yield rows(99)


@dlt.resource
def marked_one_by_one():
    for row in rows(1, 2, 3):
        yield dlt.mark.with_table_name(row, "pushes" if row["id"] < 3 else "watches")
    yield rows(99)[0]


@dlt.resource
def marked_frames():
    yield dlt.mark.with_table_name(pa.Table.from_pylist(rows(1, 2)), "pushes")
    yield dlt.mark.with_table_name(pa.Table.from_pylist(rows(3)), "watches")
    yield pa.Table.from_pylist(rows(99))


@dlt.resource(table_name=lambda row: "pushes" if row["id"] < 3 else "watches" if row["id"] < 99 else "events")
def named_by_a_function():
    yield rows(1, 3, 2)
    yield rows(99)[0]


@dlt.resource(table_name=lambda frame: "pushes" if len(frame) == 2 else "watches")
def frames_named_by_a_function():
    yield pa.Table.from_pylist(rows(1, 2))
    yield [pa.Table.from_pylist(rows(3)), pa.Table.from_pylist(rows(4, 5))]


@dlt.resource
def named_in_hints():
    for table, number in (("pushes", 1), ("watches", 3), ("pushes", 2)):
        hints = dlt.mark.make_hints(table_name=table, primary_key="id", write_disposition="merge")
        yield dlt.mark.with_hints(rows(number), hints, create_table_variant=True)


@dlt.resource
def own_table_by_name():
    yield rows(1)
    yield dlt.mark.with_table_name(rows(2), "events")
    yield dlt.mark.with_table_name(rows(3), "Events")


@dlt.resource
def nested():
    yield dlt.mark.with_table_name([{"id": 1, "items": [{"n": 1}, {"n": 2}]}], "pushes")
    yield dlt.mark.with_table_name([{"id": 2, "items": [{"n": 3}]}], "watches")


@dlt.resource(columns={"id": {"data_type": "bigint"}})
def new_hints_between_rows():
    yield rows(1)
    yield dlt.mark.with_hints(rows(2), dlt.mark.make_hints(columns={"run": {"description": "The run."}}))
    yield rows(3)


@dlt.resource
def moved_by_hints():
    yield dlt.mark.with_hints(rows(1), dlt.mark.make_hints(table_name="elsewhere"))


@dlt.resource(table_name=lambda row: row.get("kind"))
def named_by_nothing():
    yield {"kind": None}


@dlt.resource(write_disposition="replace")
def replaced():
    yield dlt.mark.with_table_name(rows(1), "pushes")
    if RUN == 1:
        yield dlt.mark.with_table_name(rows(2), "watches")
        yield rows(3)
"""

ENGINES = ["columnar", "dlt"]


def add(tree: Tree, entry: str, engine: str = "columnar", more: str = "") -> None:
    """Writes a source with one resource."""
    resource = f"{{entry: data.{entry}, destination: raw.events, engine: {engine}{more}}}"
    tree.add("shop", f"resources: [{resource}]", DATA)
    start_run(tree, 1)


def start_run(tree: Tree, number: int) -> None:
    """Lets the entry know the number of the run."""
    folder = tree.root / "dlthub" / "shop"
    (folder / "run.txt").write_text(str(number))
    _change(folder / "data.py")


def _change(file: Path) -> None:
    file.write_text(file.read_text() + "\n")


def ids(tree: Tree) -> dict[str, list[int]]:
    """Returns the ids in each table that exists."""
    tables = tree.query("select table_name from information_schema.tables where table_schema = 'raw'")
    return {
        name: tree.query(f"select id from raw.{name} order by id")
        for name in ("events", "pushes", "watches", "elsewhere")
        if name in tables
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("entry", "landed"),
    [
        ("marked", {"events": [99], "pushes": [1, 11, 21], "watches": [2, 3, 12, 13, 22, 23]}),
        ("marked_one_by_one", {"events": [99], "pushes": [1, 2], "watches": [3]}),
        ("marked_frames", {"events": [99], "pushes": [1, 2], "watches": [3]}),
        ("named_by_a_function", {"events": [99], "pushes": [1, 2], "watches": [3]}),
        ("frames_named_by_a_function", {"pushes": [1, 2, 4, 5], "watches": [3]}),
        ("named_in_hints", {"pushes": [1, 2], "watches": [3]}),
        ("own_table_by_name", {"events": [1, 2, 3]}),
        ("nested", {"pushes": [1], "watches": [2]}),
        ("new_hints_between_rows", {"events": [1, 2, 3]}),
    ],
)
def test_each_row_lands_in_the_table_that_the_code_names(
    tree: Tree, entry: str, engine: str, landed: dict[str, list[int]]
) -> None:
    """Marks, a function and hints name tables; every row of every table lands, in both engines and in every run."""
    add(tree, entry, engine)
    tree.load("shop.events")
    assert ids(tree) == landed
    start_run(tree, 2)
    tree.load("shop.events")
    is_merge = entry == "named_in_hints"
    assert ids(tree) == {name: rows if is_merge else sorted(rows * 2) for name, rows in landed.items()}


def test_nested_tables_belong_to_their_own_table(tree: Tree) -> None:
    """Lists of two tables of one resource become two nested tables."""
    add(tree, "nested")
    tree.load("shop.events")
    assert tree.query("select n from raw.pushes__items order by n") == [1, 2]
    assert tree.query("select n from raw.watches__items") == [3]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("on_empty", "landed"),
    [
        ("keep", {"events": [3], "pushes": [1], "watches": [2]}),
        ("truncate", {"events": [], "pushes": [1], "watches": []}),
    ],
)
def test_a_replace_without_rows_for_one_table_does_what_on_empty_sets(
    tree: Tree, engine: str, on_empty: str, landed: dict[str, list[int]]
) -> None:
    """Each table by itself keeps its rows, or is emptied."""
    add(tree, "replaced", engine, f", on_empty: {on_empty}")
    tree.load("shop.events")
    start_run(tree, 2)
    tree.load("shop.events")
    assert ids(tree) == landed
    assert tree.query("select run from raw.pushes") == [2]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("moved_by_hints", "name the table elsewhere, and `destination` the table events; leave table_name out"),
        ("named_by_nothing", "the function `table_name` of the entry returned a NoneType for a row"),
    ],
)
def test_what_names_no_table_of_its_own_is_refused(tree: Tree, entry: str, reason: str) -> None:
    """Hints that move the resource's own table, and a function without a result, are errors; nothing lands."""
    add(tree, entry)
    with pytest.raises(ValueRefused, match=reason):
        tree.load("shop.events")
    assert ids(tree) == {}
