"""An entry that is made of an iterator gives all its rows to each attempt, each resource and each run."""

import sys

import pytest

from data_foundation.errors import EntryError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from tests.support.trees import Tree

DATA = '''
from pathlib import Path

import dlt

FLAG = Path(__file__).parent / "failed"
ROWS = [{"id": 1}, {"id": 2}, {"id": 3}]


def fail_once(row):
    """Fails at the last row of the first attempt, in a way that passes."""
    if row["id"] == 3 and not FLAG.exists():
        FLAG.touch()
        raise ConnectionResetError("reset by peer")
    return row


def read():
    for row in ROWS:
        yield fail_once(row)


async def read_asynchronously():
    for row in ROWS:
        yield fail_once(row)


@dlt.transformer
def double(row):
    yield {"id": row["id"], "twice": 2 * row["id"]}


generator = read()
of_generator = dlt.resource(read(), name="of_generator")
mapped = map(fail_once, ROWS)
of_map = dlt.resource(map(fail_once, ROWS), name="of_map")
asynchronous = read_asynchronously()
piped = dlt.resource(read(), name="piped") | double
of_function = dlt.resource(read, name="of_function")
resources = [dlt.resource(read(), name="first"), dlt.resource(read(), name="second")]


def returns_the_module_s():
    return of_generator


def returns_the_module_s_generator():
    return generator


def returns_a_new_one():
    return dlt.resource(read(), name="new")
'''

ENTRIES = [
    "generator",
    "of_generator",
    "mapped",
    "of_map",
    "asynchronous",
    "piped",
    "of_function",
    "resources[1]",
    "returns_the_module_s",
    "returns_the_module_s_generator",
    "returns_a_new_one",
]


def add(tree: Tree, entry: str, *tables: str) -> None:
    """Writes a source whose resources have the same entry."""
    lines = [
        f"  - {{entry: 'data.{entry}', destination: raw.{table}, retries: {{max: 2, backoff: 0}}}}\n"
        for table in tables or ["rows"]
    ]
    tree.add("shop", f"resources:\n{''.join(lines)}", DATA)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_second_attempt_reads_all_rows(tree: Tree, entry: str) -> None:
    """An attempt that fails at the third row has read two; the next attempt loads three."""
    add(tree, entry)
    result = tree.load("shop.rows")
    assert [warning for warning in result.warnings if "reset by peer" in warning]
    assert (result.rows, tree.query("select id from raw.rows order by id")) == (3, [1, 2, 3])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_second_run_of_the_process_reads_all_rows(tree: Tree, entry: str) -> None:
    """A code location that lives on, or a notebook, runs the entry twice: each run loads three rows."""
    add(tree, entry)
    (tree.root / "dlthub/shop/failed").touch()
    assert [tree.load("shop.rows").rows for _ in range(3)] == [3, 3, 3]
    assert tree.query("select count(*) from raw.rows") == [9]


@pytest.mark.parametrize("entry", ["of_generator", "mapped", "piped"])
def test_two_resources_of_one_entry_each_read_all_rows(tree: Tree, entry: str) -> None:
    """Side by side, neither takes rows of the other."""
    add(tree, entry, "a", "b", "c")
    (tree.root / "dlthub/shop/failed").touch()
    tasks = [tree.task(f"shop.{table}") for table in "abc"]
    outcomes = [event for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
    assert [outcome.result.rows for outcome in outcomes if outcome.result] == [3, 3, 3]


def test_an_iterator_of_an_installed_module_is_refused_the_second_time(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module on the import path is not imported again: the rest of its rows is not taken for all of them."""
    tree.write("libraries/installed_rows.py", "rows = map(dict, [[('id', 1)], [('id', 2)]])\n")
    monkeypatch.syspath_prepend(str(tree.root / "libraries"))
    monkeypatch.delitem(sys.modules, "installed_rows", raising=False)
    tree.add("shop", "resources: [{entry: installed_rows.rows, destination: raw.rows}]", "")
    assert tree.load("shop.rows").rows == 2
    with pytest.raises(EntryError, match=r"'installed_rows\.rows' is made of an iterator that was read before"):
        tree.load("shop.rows")
