"""A reader of a table during a replace sees either the old rows or the new ones."""

import random
import threading
from collections import Counter
from typing import Any

import duckdb
import pytest
from typing_extensions import override

from data_foundation.errors import LoadError
from tests.support.trees import Tree

SAMPLE, ALL = 1_000, 20_000
"""Number of queries, and with --promises."""
DATA = '''
import json
from pathlib import Path


def get_rows():
    """Yields 2,000 rows of one version, each with a line; raises or breaks as the test has set."""
    version, fault = json.loads((Path(__file__).parent / "rows.json").read_text())
    for page in range(4):
        if fault == "extract" and page == 2:
            raise ValueError("the vendor hung up")
        number = None if fault == "normalize" and page == 3 else 1
        poison = 10_000 if fault == "load" and page == 3 else version
        yield [{"id": page * 500 + row, "number": number, "version": version, "lines": [{"version": poison}]}
               for row in range(500)]
'''
SETTINGS = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    write_disposition: replace
    columns: {number: {data_type: bigint, nullable: false}}
"""
LOOK = """
select (select (count(*), min(version), max(version)) from raw.orders),
       (select (count(*), min(version), max(version)) from raw.orders__lines)
"""


class Reader(threading.Thread):
    """Queries both tables repeatedly, each time in one statement, and counts the results."""

    def __init__(self, path: str, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self.connection = duckdb.connect(path)
        self.seen: Counter[object] = Counter()
        self.enough = threading.Event()
        self.done = threading.Event()

    @override
    def run(self) -> None:
        """Queries until `done` is set and the number of queries is reached."""
        while not (self.done.is_set() and self.enough.is_set()):
            try:
                [found] = self.connection.execute(LOOK).fetchall()
            except duckdb.Error as error:
                found = (type(error).__name__, str(error))
            self.seen[found] += 1
            if self.seen.total() >= self.looks:
                self.enough.set()
        self.connection.close()


@pytest.mark.timeout(600)
def test_a_reader_never_sees_a_partial_table(tree: Tree, request: pytest.FixtureRequest, record_property: Any) -> None:
    """Thousands of queries of a table that is replaced with random faults: never empty, mixed or missing."""
    tree.add("shop", SETTINGS, DATA)
    tree.give("shop", [1, None])
    tree.load("shop.orders")
    [ddl] = tree.query("select sql from duckdb_tables() where table_name = 'orders__lines'")
    tree.query("drop table raw.orders__lines")
    tree.query(f"{str(ddl).rstrip(';').removesuffix(')')}, check (version < 10000))")
    tree.load("shop.orders")
    looks = ALL if request.config.getoption("--promises") else SAMPLE
    reader, landed, faults = Reader(tree.warehouse.path, looks), {1}, Counter[str]()
    reader.start()
    chance, version = random.Random(7), 1  # noqa: S311 - the same faults in every run
    while not (reader.enough.is_set() and faults.total() > 6 and len(landed) > 4):
        version += 1
        fault = chance.choice([None, "extract", "normalize", "load"])
        tree.give("shop", [version, fault])
        if fault:
            faults[fault] += 1
            with pytest.raises(LoadError):
                tree.load("shop.orders")
        else:
            tree.load("shop.orders")
            landed.add(version)
    reader.done.set()
    reader.join()
    assert reader.seen.total() >= looks
    record_property("looks at a table that is replaced", reader.seen.total())
    assert set(faults) == {"extract", "normalize", "load"}
    versions = {seen[0][1] for seen in reader.seen if isinstance(seen, tuple)}
    assert {((2000, v, v), (2000, v, v)) for v in versions} == set(reader.seen)
    assert versions <= landed
    assert len(versions) > 2
