"""Entries: everything that yields rows becomes a dlt resource, all else is refused with a reason."""

from typing import Any

import pyarrow as pa
import pytest

from data_foundation.errors import EntryError, LoadError, SettingMissing
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.entries.dlt_resource import Call
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.ranges.load_range import LoadRange
from tests.support.resources import build
from tests.support.trees import Tree

DATA = """
import functools

import dlt
import pandas
import pyarrow

ROWS = [{"n": 1}, {"n": 2}, {"n": 3}]


def generator(count=3):
    yield from ROWS[:count]


def pages():
    yield ROWS[:2]
    yield ROWS[2:]


def factory(endpoint="one"):
    def rows():
        yield ROWS
    return rows


def factory_of_generator():
    return generator()


def factory_of_factory():
    return factory


def rows():
    return ROWS


def row():
    return ROWS[0]


def table():
    return pyarrow.Table.from_pylist(ROWS)


def batch():
    yield pyarrow.RecordBatch.from_pylist(ROWS)


def frame():
    yield pandas.DataFrame(ROWS)


async def asynchronous():
    for row in ROWS:
        yield row


def resource_function():
    return dlt.resource(ROWS, name="another_name")


@dlt.resource(name="decorated_name", primary_key="n")
def decorated(count=3):
    yield ROWS[:count]


resource = dlt.resource(ROWS, name="module_level")
nested = {"rows": ROWS}


def counted(count=3):
    return ROWS * range(count)[-1]


partial = functools.partial(counted, count=2)


def none():
    return None


def text():
    return "rows"


def number():
    return 7


def configured(base_url: str = dlt.config.value, token: dlt.TSecretStrValue = None):
    yield {"base_url": base_url, "token": token}


def configured_factory(base_url: str = dlt.config.value):
    return [{"base_url": base_url}]


def secret(api_key: str = dlt.secrets.value):
    yield {}


def echo(*args, **kwargs):
    yield {"args": args, "kwargs": kwargs}


def details(row, colour="red"):
    yield {"n": row["n"], "colour": colour}


@dlt.transformer
def decorated_details(row):
    yield {"n": row["n"], "decorated": True}
"""


def rows_of(tree: Tree, entry: str, more: str = "", **given: Any) -> list[Any]:
    """Returns the rows of an entry, without a warehouse."""
    tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.rows{more}}}]", DATA)
    task = tree.task("shop.rows")
    call = Call(LoadRange("2024-01-01", "2024-01-02"), {"env.COLOUR": "blue"}, given)
    built = build(task, call)
    assert (built.name, built.section, built.compute_table_schema()["name"]) == ("rows", "shop", "rows")
    rows: list[Any] = []
    for item in built:
        table = pa.Table.from_pandas(item) if hasattr(item, "iloc") else item
        rows += table.to_pylist() if hasattr(table, "to_pylist") else [item]
    return rows


@pytest.mark.parametrize(
    "entry",
    [
        "generator",
        "pages",
        "factory",
        "factory_of_generator",
        "factory_of_factory",
        "rows",
        "table",
        "batch",
        "frame",
        "asynchronous",
        "resource_function",
        "decorated",
        "resource",
        "ROWS",
    ],
)
def test_an_entry_may_be_anything_that_yields_rows(tree: Tree, entry: str) -> None:
    """Generators, functions that return them, rows, Arrow, frames and dlt resources all yield the same rows."""
    assert rows_of(tree, entry) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_other_shapes_of_entries(tree: Tree) -> None:
    """A single dict is one row; arguments are passed to every kind of entry that accepts them."""
    assert rows_of(tree, "row") == rows_of(tree, "generator", ", args: [1]") == [{"n": 1}]
    assert rows_of(tree, "decorated", ", kwargs: {count: 2}") == [{"n": 1}, {"n": 2}]
    assert rows_of(tree, "factory", ", args: [two]") == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("entry", "reason"), [("none", "returned None"), ("text", "returned a str"), ("number", "returned a int")]
)
def test_an_entry_without_rows_is_refused(tree: Tree, entry: str, reason: str) -> None:
    """An entry that returns None, a string or a number raises an error that lists what is accepted."""
    with pytest.raises(EntryError, match=f"'data.{entry}' {reason}; accepted: a generator function"):
        rows_of(tree, entry)


def test_arguments_are_configured_then_filled_then_overridden(tree: Tree) -> None:
    """Args and kwargs come from the YAML with templates filled at any depth; arguments of the run override them."""
    more = (
        ', args: [1, {at: "{{ partition.start }}"}], kwargs: {colour: "{{ env.COLOUR }}", end: "{{partition.end}}"}'
        ", partitions: {by: daily, start: 2024-01-01}, write_disposition: merge, primary_key: id"
    )
    [row] = rows_of(tree, "echo", more, end="later", also=True)
    # A step that checks rows passes a tuple on as the list that lands.
    assert {**row, "args": list(row["args"])} == {
        "args": [1, {"at": "2024-01-01"}],
        "kwargs": {"colour": "blue", "end": "later", "also": True},
    }
    with pytest.raises(SettingMissing, match="needs NOT_SET"):
        rows_of(tree, "echo", ', args: ["{{ env.NOT_SET }}"]')


@pytest.mark.parametrize("entry", ["generator", "factory", "decorated", "resource_function", "partial"])
def test_arguments_that_do_not_fit_are_refused_when_the_entry_is_called(tree: Tree, entry: str) -> None:
    """Keyword arguments of a run are checked when the entry is called; the error names entry and keyword."""
    with pytest.raises(EntryError, match=rf"'data.{entry}' does not take the arguments .*'colour'"):
        rows_of(tree, entry, colour="blue")


def test_a_type_error_inside_an_entry_is_raised_unchanged(tree: Tree) -> None:
    """A TypeError raised inside an entry is not reported as wrong arguments."""
    with pytest.raises(TypeError, match="'str' object cannot be interpreted as an integer"):
        rows_of(tree, "counted", count="3")


@pytest.mark.parametrize("entry", ["configured", "configured_factory"])
def test_settings_fill_arguments(tree: Tree, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    """Arguments missing in args and kwargs are filled from the folder's config section."""
    monkeypatch.setenv("SOURCES__SHOP__BASE_URL", "http://shop")
    assert rows_of(tree, entry)[0]["base_url"] == "http://shop"
    assert rows_of(tree, entry, ", kwargs: {base_url: http://other}")[0]["base_url"] == "http://other"
    monkeypatch.setenv("SOURCES__SHOP__TOKEN", "abc")
    assert rows_of(tree, "configured")[0]["token"] == "abc"


@pytest.mark.parametrize(
    ("entry", "setting"),
    [("configured", "BASE_URL"), ("configured_factory", "BASE_URL"), ("secret", "API_KEY")],
)
def test_the_error_names_a_missing_setting(tree: Tree, entry: str, setting: str) -> None:
    """The error of a missing setting names its environment variable."""
    tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.rows}}]", DATA)
    with pytest.raises(SettingMissing, match=f"^needs SOURCES__SHOP__{setting}") as missing:
        tree.load("shop.rows")
    assert missing.value.settings == (f"SOURCES__SHOP__{setting}",)


@pytest.mark.parametrize("entry", ["details", "decorated_details"])
def test_a_transformer_takes_the_rows_of_another(tree: Tree, entry: str) -> None:
    """With `data_from` the entry is called for each row of its parent; the parent's own rows do not land."""
    tree.add(
        "shop",
        f"""
        resources:
          - {{entry: data.generator, args: [2], destination: raw.parents, write_disposition: replace}}
          - {{entry: data.{entry}, data_from: parents, destination: raw.details, write_disposition: replace}}
        """,
        DATA,
    )
    result = tree.load("shop.details")
    assert (result.rows, result.row_count) == (2, 2)
    assert tree.query("select n from raw.details order by n") == [1, 2]
    assert tree.query("select count(*) from information_schema.tables where table_name = 'parents'") == [0]


@pytest.mark.parametrize("entry", ["generator", "pages", "rows", "table", "frame", "asynchronous", "resource"])
@pytest.mark.parametrize("limit", [0, 2])
def test_a_sample_is_cut_inside_a_page(tree: Tree, entry: str, limit: int) -> None:
    """`limit` loads exactly this many rows of pages, tables and frames; with 0 none."""
    tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.rows}}]", DATA)
    result = tree.load("shop.rows", limit=limit)
    assert (result.rows, result.row_count) == (limit, limit or None)


def test_the_entry_is_closed_after_a_sample(tree: Tree) -> None:
    """The entry is closed after `limit` rows, so an endless one terminates."""
    data = "def get_rows():\n    n = 0\n    while True:\n        n += 1\n        yield [{'n': n}] * 10\n"
    for more in (
        "write_disposition: replace",
        "write_disposition: merge, primary_key: n, incremental: {cursor_path: n}",
    ):
        resource = f"{{entry: data.get_rows, destination: raw.rows, {more}}}"
        tree.add("shop", f"resources: [{resource}]", data)
        assert tree.load("shop.rows", limit=25).rows == 25


def test_a_sample_counts_rows_after_the_cursor(tree: Tree) -> None:
    """Rows before the range do not count towards `limit`."""
    data = "def get_rows():\n    yield [{'n': n} for n in range(100)]\n"
    more = "incremental: {cursor_path: n, initial_value: 90}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.rows, {more}}}]", data)
    assert tree.load("shop.rows", limit=3).rows == 3
    assert tree.query("select n from raw.rows order by n") == [90, 91, 92]


def test_required_columns_are_checked_in_every_form_of_rows(tree: Tree) -> None:
    """`requires` checks the columns of dicts, pages, tables and frames."""
    for entry in ("generator", "pages", "table", "frame"):
        tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.rows, requires: [n, m]}}]", DATA)
        with pytest.raises(LoadError, match="the rows lack m, which `requires` names; they have n"):
            tree.load("shop.rows")


def test_resources_have_separate_state(tree: Tree) -> None:
    """Concurrent resources have separate state, which is restored in the next run."""
    data = """
        import time

        import dlt


        def count(name):
            for _ in range(3):
                state = dlt.current.resource_state()
                state[name] = state.get(name, 0) + 1
                time.sleep(0.02)
                yield {"state": dict(state)}
        """
    resources = "\n".join(
        f"  - {{entry: data.count, args: [{n}], destination: raw.{n}, write_disposition: replace}}" for n in "abcd"
    )
    tree.add("shop", f"source: {{max_concurrency: 4}}\nresources:\n{resources}\n", data)
    for run in (1, 2):
        events = list(load_side_by_side([tree.task(f"shop.{n}") for n in "abcd"], tree.warehouse))
        assert [event.error for event in events if isinstance(event, Outcome) and event.error] == []
        for n in "abcd":
            assert tree.query(f"select max(state__{n}) from raw.{n}") == [3 * run]


def test_an_entry_of_a_changed_file_is_reloaded(tree: Tree) -> None:
    """A long-running process, such as Dagster's code server, runs the current text of `data.py`."""
    for number in (1, 2):
        data = f"def get_rows():\n    yield {{'n': {number}}}\n"
        tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows, write_disposition: replace}]", data)
        task = tree.task("shop.rows")
        load_resource(task, tree.warehouse)
        assert tree.query("select n from raw.rows") == [number]
