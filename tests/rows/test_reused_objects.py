"""What an entry yielded is what lands, although the entry changes the same objects after it continues."""

import pytest

from data_foundation.errors import LoadError
from data_foundation.rows import page_buffer
from tests.support.trees import Tree

HEAD = """
import asyncio
import dataclasses
import json
import time
from datetime import datetime

import dlt
import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel


class Model(BaseModel):
    x: int
    tags: list[int] = []


@dataclasses.dataclass
class Data:
    x: int


"""

REUSED = {
    "a row": """
    row = {}
    for i in range(5):
        row["x"] = i
        yield row
""",
    "a row with a time": """
    row = {"at": datetime(2024, 1, 1)}
    for i in range(5):
        row["x"] = i
        yield row
""",
    "a row with gaps": """
    row = {"gap": None, "inner": {"gap": None}}
    for i in range(5):
        row["x"] = i
        yield row
""",
    "rows of different keys": """
    row = {}
    for i in range(5):
        row.clear()
        row |= {"x": i, f"y{i % 2}": i}
        yield row
""",
    "a row that is emptied": """
    for i in range(5):
        row = {"x": i}
        yield row
        row.clear()
""",
    "a page and its rows": """
    page = [{"x": None}]
    for i in range(5):
        page[0]["x"] = i
        yield page
""",
    "a row of several pages": """
    row = {}
    for i in range(5):
        row["x"] = i
        yield [row]
""",
    "a page that is changed after it": """
    for i in range(5):
        page = [{"x": i, "at": datetime(2024, 1, 1)}]
        yield page
        page[0]["x"] = -1
""",
    "a model": """
    model = Model(x=0)
    for i in range(5):
        model.x = i
        yield model
""",
    "a page of a model": """
    model = Model(x=0)
    for i in range(5):
        model.x = i
        yield [model]
""",
    "a page of a dataclass": """
    data = Data(x=0)
    for i in range(5):
        data.x = i
        yield [data]
""",
    "a table over a buffer": """
    buffer = np.zeros(1, dtype="int64")
    for i in range(5):
        buffer[:] = i
        yield pa.table({"x": pa.array(buffer)})
""",
    "a batch over a buffer": """
    buffer = np.zeros(1, dtype="int64")
    for i in range(5):
        buffer[:] = i
        yield [pa.record_batch({"x": pa.array(buffer)})]
""",
    "a pandas frame": """
    frame = pd.DataFrame({"x": [0]})
    for i in range(5):
        frame.loc[0, "x"] = i
        yield frame
""",
    "bytes": """
    buffer = bytearray(b'[{"x": 0}]')
    for i in range(5):
        buffer[7] = ord(str(i))
        yield buffer
""",
    "a row behind a mapping": """
    row = {}
    for i in range(5):
        row["x"] = i
        yield row

get = dlt.resource(get).add_map(lambda row: row)
""",
    "a row behind a mapping that yields": """
    row = {}
    for i in range(5):
        row["x"] = i
        yield row

def twice(row):
    yield {"x": row["x"]}

get = dlt.resource(get).add_yield_map(twice)
""",
    "a row of a mapping": """
    yield from ({"x": i} for i in range(5))

row = {}

def same(given):
    row.update(given)
    return row

get = dlt.resource(get).add_map(same)
""",
    "a parallel generator": """
    row = {}
    for i in range(5):
        row["x"] = i
        yield row
        row["x"] = -1
        time.sleep(0.005)

get = dlt.resource(get, parallelized=True)
""",
    "an async generator": """
    return rows()

async def rows():
    row = {}
    for i in range(5):
        row["x"] = i
        yield row
        row["x"] = -1
        await asyncio.sleep(0.005)
""",
    "a parent": """
    return dlt.resource(rows, name="rows") | dlt.transformer(children, name="children")

def rows():
    row = {}
    for i in range(5):
        row["x"] = i
        yield row

def children(row):
    yield {"x": row["x"]}
""",
    "a parallel parent": """
    return dlt.resource(rows, name="rows", parallelized=True) | dlt.transformer(children, name="children")

def rows():
    row = {}
    for i in range(5):
        row["x"] = i
        yield row
        row["x"] = -1

def children(row):
    yield {"x": row["x"]}
""",
}

NESTED = {
    "a list": """
    tags = []
    for i in range(5):
        tags.append(i)
        yield {"x": i, "tags": tags}
""",
    "a list beside a time": """
    tags = []
    for i in range(5):
        tags.append(i)
        yield [{"x": i, "tags": tags, "at": datetime(2024, 1, 1)}]
""",
    "a list in a list of objects": """
    tags, row = [], {}
    for i in range(5):
        tags.append(i)
        row |= {"x": i, "tags": tags}
        yield row
""",
    "a list of a model": """
    model = Model(x=0)
    for i in range(5):
        model.x = i
        model.tags.append(i)
        yield [model]
""",
}


@pytest.fixture(params=["one page", "many pages"])
def _pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows wait until the end, or the first goes ahead and makes the reader of the others."""
    if request.param == "many pages":
        monkeypatch.setattr(page_buffer, "FIRST_ROWS", 1)


def add(tree: Tree, body: str, engine: str) -> None:
    """A source `s` with a table `t`."""
    settings = f"resources: [{{entry: data.get, destination: raw.t, engine: {engine}}}]"
    tree.add("s", settings, f"{HEAD}def get():{body}")


@pytest.mark.sampled(7)
@pytest.mark.usefixtures("_pages")
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("name", REUSED)
def test_a_reused_object_lands_as_it_was_yielded(tree: Tree, name: str, engine: str) -> None:
    """Each row has the value that it had when it was yielded."""
    add(tree, REUSED[name], engine)
    assert tree.load("s.t").row_count == 5
    assert tree.query("select x from raw.t order by x") == [0, 1, 2, 3, 4]


@pytest.mark.sampled(7)
@pytest.mark.usefixtures("_pages")
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("name", NESTED)
def test_a_reused_nested_value_lands_as_it_was_yielded(tree: Tree, name: str, engine: str) -> None:
    """Each row's child rows are those that its list had when the row was yielded."""
    add(tree, NESTED[name], engine)
    tree.load("s.t")
    found = tree.query("select x, value from raw.t join raw.t__tags c on c._dlt_parent_id = t._dlt_id order by all")
    assert found == [(x, value) for x in range(5) for value in range(x + 1)]


@pytest.mark.usefixtures("_pages")
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("place", ["row", "row['inner']"])
def test_a_nan_does_not_become_the_none_that_overwrites_it(tree: Tree, place: str, engine: str) -> None:
    """JSON has null for both: columns keep the NaN, and dlt's own path refuses it."""
    body = f"""
    row = {{"x": 0, "v": 1.5, "gap": None, "inner": {{"v": 1.5, "gap": None}}}}
    yield row
    {place}["v"] = float("nan")
    yield row
    {place}["v"] = None
    yield row
"""
    add(tree, body, engine)
    if engine == "dlt":
        with pytest.raises(LoadError, match=r"row 2, column (inner.)?v: got NaN"):
            tree.load("s.t")
        return
    tree.load("s.t")
    column = "v" if place == "row" else "inner__v"
    assert sorted(tree.query(f"select {column}::text from raw.t"), key=str) == ["1.5", None, "nan"]
