"""dlt's own sources as entries: their items keep their classes, and their cursors count as those of sources.yaml."""

import sqlite3
from pathlib import Path

import pytest

from tests.support.trees import Tree

CODE = '''
from dataclasses import dataclass

import dlt
from dlt.sources.filesystem import filesystem, read_csv
from dlt.sources.sql_database import sql_table
from pydantic import BaseModel


def files():
    found = filesystem("file://{root}/inbox", file_glob="*.csv")
    found.apply_hints(incremental=dlt.sources.incremental("modification_date"))
    return found | read_csv(dtype=str)


def table():
    cursor = dlt.sources.incremental("id")
    return sql_table("sqlite:///{root}/shop.db", table="orders", backend="{backend}", incremental=cursor)


class Page(BaseModel):
    numbers: list[int]


@dataclass
class Sheet:
    numbers: list[int]


class Numbers(dict):
    """A dict with a method, as dlt's FileItemDict is."""

    def read(self):
        return self["numbers"]


@dlt.resource
def parent():
    yield Page(numbers=[1])
    yield [Page(numbers=[2]), Sheet(numbers=[3])]
    reused = Numbers(numbers=[4])
    yield reused
    reused["numbers"] = [5]
    yield [reused]


@dlt.transformer
def child(items):
    for item in items if isinstance(items, list) else [items]:
        yield [{{"id": number}} for number in (item.read() if isinstance(item, Numbers) else item.numbers)]


def objects():
    return parent | child
'''


def add(tree: Tree, entry: str, backend: str = "sqlalchemy") -> None:
    """Writes a source with one resource."""
    code = CODE.format(root=tree.root, backend=backend)
    tree.add("s", f"resources: [{{entry: data.{entry}, destination: raw.t}}]", code)


def put(root: Path, name: str, text: str) -> None:
    """Writes a file into the inbox."""
    (root / "inbox").mkdir(exist_ok=True)
    (root / "inbox" / name).write_text(text)


def test_new_files_are_read_once(tree: Tree) -> None:
    """The files of `filesystem` reach `read_csv` with their methods; its cursor on their dates is kept."""
    add(tree, "files")
    put(tree.root, "a.csv", "id\n007\n1.10\n")
    assert tree.load("s.t").rows == 2
    assert tree.load("s.t").rows == 0
    put(tree.root, "b.csv", "id\n3\n")
    assert tree.load("s.t").rows == 1
    assert tree.query("select id from raw.t order by all") == ["007", "1.10", "3"]


@pytest.mark.parametrize("backend", ["sqlalchemy", "pyarrow"])
def test_new_rows_of_a_table_are_read_once(tree: Tree, backend: str) -> None:
    """The cursor that the code passes to `sql_table` is the resource's, and a sample leaves it alone."""
    add(tree, "table", backend)
    with sqlite3.connect(tree.root / "shop.db") as database:
        database.execute("create table orders (id integer primary key, price double)")
        database.execute("insert into orders values (1, 1.5), (2, 2)")
        database.commit()
        assert tree.load("s.t").cursor == (None, 2)
        database.execute("insert into orders values (3, 0.1)")
        database.commit()
        assert tree.load("s.t", limit=1).cursor == (2, 2)
        assert tree.load("s.t").cursor == (2, 3)
    assert tree.query("select distinct id, price from raw.t order by id") == [(1, 1.5), (2, 2.0), (3, 0.1)]


def test_items_reach_a_transformer_with_their_classes(tree: Tree) -> None:
    """Models, dataclasses and dicts of other classes are what the parent yielded, also if it reuses an object."""
    add(tree, "objects")
    tree.load("s.t")
    assert tree.query("select id from raw.t order by id") == [1, 2, 3, 4, 5]
