"""A load that is killed at any point and repeated loses and duplicates nothing."""

import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from data_foundation.loading.pending_loads import PendingLoads
from tests.promises import killed
from tests.support.trees import ROWS, Tree

ARROW = '''
import json
from pathlib import Path

import pyarrow as pa


def get_rows():
    """Yields the rows that the test has set, as Arrow tables of two rows."""
    rows = json.loads((Path(__file__).parent / "rows.json").read_text())
    for start in range(0, len(rows), 2):
        yield pa.Table.from_pylist(rows[start : start + 2])
'''

DATABASE = '''
from pathlib import Path

import dlt

from data_foundation.readers.sql import get_table


def get_rows():
    """Returns the table of the SQLite file that the test has written, whose deleted rows are deleted."""
    dlt.secrets["sources.shop.sales_db"] = f"sqlite:///{Path(__file__).parent / 'rows.sqlite'}"
    return get_table("sales_db", "orders", deleted="hard")
'''

PARTS = DATABASE.replace('deleted="hard"', "first_load_rows=4")

CURSOR = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'


SAMPLE = 1
"""Number of points per scenario without --promises."""


@dataclass(frozen=True)
class Scenario:
    """A table with one load, and a second load that is interrupted.

    Attributes:
        settings: Settings of the resource.
        data: Module of its entry.
        nested: True if its rows have lists.
        tree: Class of its project.
    """

    settings: Sequence[str]
    data: str = ROWS
    nested: bool = False
    tree: type[Tree] = Tree

    def rows(self, first: int, last: int, **more: Any) -> list[dict[str, Any]]:
        """Returns the rows with ids from `first` to `last`; `more` is added to each."""
        lists = {"lines": [{"n": 1, "taxes": [{"rate": 2}]}, {"n": 2}]} if self.nested else {}
        return [{"id": number, "at": f"2024-01-{number:02}", **lists, **more} for number in range(first, last + 1)]

    def prepare(self, tree: Tree) -> None:
        """Makes the first load, and sets the rows of the second: additional rows, changed rows and a new column."""
        settings = "\n".join(f"    {line}" for line in ("destination: raw.orders", *self.settings))
        tree.add("shop", f"resources:\n  - entry: data.get_rows\n{settings}\n", self.data)
        tree.give("shop", self.rows(1, 4, state="new"))
        tree.load("shop.orders")
        tree.give("shop", self.rows(3, 7, state="paid", colour="red"))


@dataclass(frozen=True)
class VaultScenario(Scenario):
    """A table that lands as hub and satellites; the new column of the second load opens a satellite."""

    @override
    def prepare(self, tree: Tree) -> None:
        """Registers the tag first."""
        (tree.root / "dlthub").mkdir(parents=True)
        (tree.root / "dlthub" / "tags.yaml").write_text("orders: {requires: {state: text}}\n")
        super().prepare(tree)


@dataclass(frozen=True)
class DatabaseScenario(Scenario):
    """A table of a database that has deleted rows before the second load, or is loaded for the first time in parts."""

    @override
    def prepare(self, tree: Tree) -> None:
        """Makes the first load, then deletes rows, changes others and inserts new ones."""
        settings = "\n".join(f"    {line}" for line in ("destination: raw.orders", *self.settings))
        folder = tree.add("shop", f"resources:\n  - entry: data.get_rows\n{settings}\n", self.data)
        with closing(sqlite3.connect(folder / "rows.sqlite")) as database, database:
            database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT, state TEXT)")
            database.executemany("INSERT INTO orders VALUES (:id, :at, :state)", self.rows(1, 9, state="new"))
        if self.data == PARTS:
            return
        tree.load("shop.orders")
        with closing(sqlite3.connect(folder / "rows.sqlite")) as database, database:
            database.execute("DELETE FROM orders WHERE id IN (2, 3, 9)")
            rows = [*self.rows(3, 3, state="back"), *self.rows(10, 12, state="paid")]
            rows[0]["at"] = "2024-01-11"
            database.executemany("INSERT INTO orders VALUES (:id, :at, :state)", rows)


SCENARIOS = {
    "append with a cursor": Scenario(["write_disposition: append", CURSOR]),
    "append without a cursor": Scenario(["write_disposition: append"]),
    "append, nested": Scenario(["write_disposition: append", CURSOR], nested=True),
    "append, Arrow": Scenario(["write_disposition: append", CURSOR], ARROW),
    "append without a cursor, Arrow": Scenario(["write_disposition: append"], ARROW),
    "replace": Scenario(["write_disposition: replace"]),
    "replace, nested": Scenario(["write_disposition: replace"], nested=True),
    "replace, Arrow": Scenario(["write_disposition: replace"], ARROW),
    "merge": Scenario(["write_disposition: merge", "primary_key: id", CURSOR]),
    "merge, nested": Scenario(["write_disposition: merge", "primary_key: id", CURSOR], nested=True),
    "merge, Arrow": Scenario(["write_disposition: merge", "primary_key: id", CURSOR], ARROW),
    "upsert, nested": Scenario(
        ["write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id"], nested=True
    ),
    "scd2": Scenario(["write_disposition: {disposition: merge, strategy: scd2}"]),
    "vault": VaultScenario(["landing: vault", "tag: orders", "primary_key: id", CURSOR]),
    "insert-only": Scenario(["write_disposition: {disposition: merge, strategy: insert-only}", "primary_key: id"]),
    "deleted rows": DatabaseScenario(["write_disposition: merge", "primary_key: id", CURSOR], DATABASE),
    "first load in parts": DatabaseScenario(["write_disposition: merge", "primary_key: id", CURSOR], PARTS),
}

CONTENT = {
    "orders": "select columns(name -> not starts_with(name, '_dlt')) from raw.orders order by all",
    "lines": "select o.id, l.n from raw.orders__lines l join raw.orders o on l._dlt_parent_id = o._dlt_id order by all",
    "taxes": (
        "select l.n, t.rate from raw.orders__lines__taxes t"
        " join raw.orders__lines l on t._dlt_parent_id = l._dlt_id order by all"
    ),
    "loads": "select count(*) from raw._dlt_loads where status <> 0",
}
VAULT = {
    "hub": "select business_key, source from raw.hub_orders order by all",
    "list": "select count(*), any_value(tag_columns) from raw.hub_orders__satellites",
    "loads": CONTENT["loads"],
}
VERSION = 'select id, "at", state, _hash_key, _row_hash, _dlt_valid_to is null from raw.'
ENDED = 'select id, "at", state, colour, _dlt_valid_to is null from raw.orders order by all'


def content(tree: Tree, scenario: Scenario) -> dict[str, list[Any]]:
    """Returns everything in the warehouse that must not depend on the number of attempts."""
    queries = dict(CONTENT)
    if "scd2" in str(scenario.settings):
        queries["orders"] = ENDED
    if not scenario.nested:
        del queries["lines"], queries["taxes"]
    if isinstance(scenario, VaultScenario):
        queries = dict(VAULT)
        for number, name in enumerate(
            tree.query("select satellite from raw.hub_orders__satellites order by opened_at")
        ):
            queries[f"satellite {number}"] = f"{VERSION}{name} order by all"
    found = {name: tree.query(sql) for name, sql in queries.items()}
    cursors = tree.load("shop.orders").cursor if CURSOR in scenario.settings else ()
    return {**found, "cursors": list(cursors)}


def copy_of(tree: Tree, root: Path) -> Tree:
    """Copies the project."""
    shutil.copytree(tree.root, root)
    return type(tree)(root)


def has_ended(tree: Tree) -> bool:
    """Returns True if a killed run had only to remove its files, so that the next run is a new one."""
    landed = len(tree.query("select load_id from raw._dlt_loads")) == 2
    return landed and not PendingLoads(tree.warehouse.work_folder, "raw-orders").load_ids()


@pytest.mark.timeout(1800)
@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_repeated_killed_run_equals_one_run(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed before or after any statement, rename or write, a repeated run ends like an undisturbed one."""
    scenario, before = SCENARIOS[name], SCENARIOS[name].tree(tmp_path / "before")
    scenario.prepare(before)
    undisturbed = copy_of(before, tmp_path / "undisturbed")
    every = killed.trace(undisturbed, "shop.orders")
    expected = content(undisturbed, scenario)
    wanted = len(every) if request.config.getoption("--promises") else SAMPLE

    def judge(tree: Tree) -> bool:
        if CURSOR not in scenario.settings and has_ended(tree):
            return False
        assert killed.run(tree, "shop.orders") == 0, killed.last_failure(tree)
        assert content(tree, scenario) == expected, killed.last_failure(tree)
        return True

    reached = killed.interrupt(every, wanted, lambda number: copy_of(before, tmp_path / str(number)), judge)
    record_property("points", reached)


def used(folder: Path) -> int:
    """Returns the size of all files below a folder; hard links count once."""
    found = {
        (status.st_ino, status.st_size) for file in folder.rglob("*") if (status := file.stat()) and file.is_file()
    }
    return sum(size for _, size in found)


@pytest.mark.rare
def test_killed_runs_do_not_fill_the_disk(tree: Tree, request: pytest.FixtureRequest, record_property: Any) -> None:
    """A hundred killed runs leave no more than the largest of the first few; a complete run leaves nothing."""
    runs = 100 if request.config.getoption("--promises") else 6
    SCENARIOS["merge, nested"].prepare(tree)
    traced = copy_of(tree, tree.root.with_name("traced"))
    points = killed.trace(traced, "shop.orders")
    chosen = random.Random(0).sample(points, 4)  # noqa: S311 - a choice of tests
    sizes = []
    for number in range(runs):
        killed.run(tree, "shop.orders", at=chosen[number % len(chosen)])
        sizes.append(used(tree.warehouse.work_folder))
    first, last = max(sizes[:4]), max(sizes[-4:])
    assert last <= 1.1 * first
    tree.load("shop.orders")
    left = [file.name for file in tree.warehouse.work_folder.rglob("*") if file.is_file()]
    assert [name for name in left if not name.endswith(".lock") and "audit" not in name] == []
    record_property("killed runs on one disk", runs)
