"""A resource whose code names several tables fills each of them with its rows, and with nothing else."""

from pathlib import Path

import pytest

from data_foundation.errors import ConfigError, EntryError, NoRows, ValueRefused
from tests.support.postgres_server import PostgresTree
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


@dlt.resource
def in_days():
    for day in ("2024-01-01", "2024-01-02"):
        yield dlt.mark.with_table_name([{"id": 1, "day": day}, {"id": 2, "day": day}], "pushes")
        yield [{"id": 3, "day": day}]


@dlt.resource
def replaced_beside_an_append():
    hints = dlt.mark.make_hints(table_name="pushes", write_disposition="replace")
    yield dlt.mark.with_hints(rows(1), hints, create_table_variant=True)


@dlt.resource
def imports_a_file():
    yield dlt.mark.with_file_import("rows.parquet", "parquet", 1, hints=pa.table({"id": [1]}))


@dlt.resource(name="events", table_name="events_of_code")
def named_otherwise():
    yield rows(1)


@dlt.resource(name="orders", table_name="orders")
def named_like_itself():
    yield rows(1)


@dlt.resource
def clashes_with_a_list():
    yield [{"id": 1, "items": [1]}]
    yield dlt.mark.with_table_name(rows(1), "events__items")
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


@pytest.mark.sampled(11)
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


@pytest.mark.parametrize("engine", ENGINES)
def test_a_result_counts_every_table(tree: Tree, engine: str) -> None:
    """Rows, row counts and columns of the further tables are those of the warehouse, in every run."""
    add(tree, "marked", engine)
    for run in (1, 2):
        result = tree.load("shop.events")
        assert (result.rows, result.row_count, result.all_rows) == (1, run, 10)
        counted = {name: (table.rows, table.row_count) for name, table in result.further.items()}
        assert counted == {"pushes": (3, 3 * run), "watches": (6, 6 * run)}
        assert result.further["watches"].columns["id"]["data_type"] == "bigint"


def test_tables_that_are_no_assets_are_reported(tree: Tree) -> None:
    """A load warns of each further table that `tables` does not list, with the line to add."""
    add(tree, "marked")
    warning = "rows were sent to raw.watches, which is no asset; `tables: [pushes, watches]` makes assets of them"
    assert warning in tree.load("shop.events").warnings
    add(tree, "marked", more=", tables: [pushes, Watches]")
    assert tree.load("shop.events").warnings == ()


def test_a_replace_without_rows_for_one_table_may_fail(tree: Tree) -> None:
    """With `on_empty: fail` no table is changed."""
    add(tree, "replaced", more=", on_empty: fail")
    tree.load("shop.events")
    start_run(tree, 2)
    with pytest.raises(NoRows, match=r"no rows for raw\.events, raw\.watches and on_empty is 'fail'"):
        tree.load("shop.events")
    assert tree.query("select run from raw.pushes") == [1]


def test_a_table_that_keeps_its_rows_is_reported(tree: Tree) -> None:
    """The load says which tables a replace left as they were."""
    add(tree, "replaced", more=", tables: [pushes, watches]")
    tree.load("shop.events")
    start_run(tree, 2)
    kept = "the replace brought no rows for raw.events, raw.watches, which keep theirs (on_empty: keep)"
    assert tree.load("shop.events").warnings == (kept,)


@pytest.mark.parametrize(
    ("options", "copies"),
    [({"refresh": "state"}, 1), ({"refresh": "drop"}, 1), ({}, 2), ({"start": "2024-01-01", "end": "2024-01-03"}, 1)],
)
def test_refreshes_and_ranges_reach_every_table(tree: Tree, options: dict[str, str], copies: int) -> None:
    """Of an append, a refresh and a range of days replace the rows of further tables as well."""
    cursor = ", incremental: {cursor_path: day}, columns: {day: {data_type: date}}" if "start" in options else ""
    add(tree, "in_days", more=cursor)
    tree.load("shop.events")
    tree.load("shop.events", **options)
    assert ids(tree) == {"events": [3, 3] * copies, "pushes": sorted([1, 1, 2, 2] * copies)}


@pytest.mark.parametrize(
    ("entry", "more", "reason"),
    [
        ("replaced_beside_an_append", "", "have write_disposition replace, and raw.events has append"),
        ("named_in_hints", ", write_disposition: replace", "have write_disposition merge, and raw.events has replace"),
        ("marked", "}, {entry: data.nested, destination: raw.watches", "raw.watches fills; two resources would delete"),
        (
            "marked",
            "}, {entry: data.nested, destination: raw.other, tables: [watches]",
            "raw.watches, which raw.other fills",
        ),
    ],
)
def test_what_would_damage_a_table_is_refused(tree: Tree, entry: str, more: str, reason: str) -> None:
    """Another write disposition than the resource's, and the table of another resource, are errors; nothing lands."""
    add(tree, entry, more=more)
    with pytest.raises(EntryError, match=reason):
        tree.load("shop.events")
    assert ids(tree) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_whose_values_nobody_checks_is_refused(tree: Tree, engine: str) -> None:
    """The message tells how its rows are loaded."""
    add(tree, "imports_a_file", engine)
    with pytest.raises(ValueRefused, match=r"imports the file rows.parquet .*, whose values cannot be checked"):
        tree.load("shop.events")


def test_another_table_in_the_code_is_refused(tree: Tree) -> None:
    """`destination` may differ from the name of a resource, and not from a table that the code chose."""
    add(tree, "named_like_itself")
    tree.load("shop.events")
    add(tree, "named_otherwise")
    reason = r"sends its rows to the table events_of_code \(table_name\), and its destination is raw.events"
    with pytest.raises(EntryError, match=reason):
        tree.load("shop.events")
    assert ids(tree) == {"events": [1]}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_that_is_a_nested_one_too_is_refused(tree: Tree, engine: str) -> None:
    """The rows of a list and rows of the same name would be mixed."""
    add(tree, "clashes_with_a_list", engine)
    with pytest.raises(ValueRefused, match="were sent to one table, events__items: it is that of a nested list too"):
        tree.load("shop.events")
    assert ids(tree) == {}


def test_two_resources_may_not_declare_one_table(tree: Tree) -> None:
    """`foundation check` compares `tables` with every destination of the repository."""
    add(tree, "marked", more=", tables: [watches]}, {entry: data.nested, destination: raw.watches")
    with pytest.raises(ConfigError, match=r"'raw\.events: tables' is table raw\.watches, which is also"):
        tree.check("shop")


@pytest.mark.parametrize(
    ("entry", "landed"),
    [
        ("marked_one_by_one", {"events": [99, 99], "pushes": [1, 1, 2, 2], "watches": [3, 3]}),
        ("named_in_hints", {"pushes": [1, 2], "watches": [3]}),
        ("replaced", {"events": [3], "pushes": [1], "watches": [2]}),
    ],
)
def test_postgres_has_every_table(postgres_tree: PostgresTree, entry: str, landed: dict[str, list[int]]) -> None:
    """Two runs on PostgreSQL give the same tables as on DuckDB."""
    add(postgres_tree, entry)
    for run in (1, 2):
        start_run(postgres_tree, run)
        postgres_tree.load("shop.events")
    assert ids(postgres_tree) == landed
