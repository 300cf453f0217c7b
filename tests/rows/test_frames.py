"""Frames and Arrow tables: columns of every type land, whichever frame has them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

HEAD = """
import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa


ONE = uuid.UUID(int=1)


def get():
"""
UUID = "00000000-0000-0000-0000-000000000001"


def add(tree: Tree, frames: str, settings: str = "") -> None:
    """A source `s` with a table `t`, whose entry yields frames."""
    tree.add(
        "s", f"resources: [{{entry: data.get, destination: raw.t{settings}}}]", f"{HEAD}    yield from [{frames}]\n"
    )


def found(tree: Tree, columns: str = "x") -> list[Any]:
    """The rows of the table."""
    return tree.query(f"select {columns} from raw.t order by id")


MISSING = {
    "pandas": "pd.DataFrame({'id': [1], 'x': ['a']}), pd.DataFrame({'id': [2]}), pd.DataFrame({'id': [3], 'x': ['b']})",
    "large, then short": "pa.table({'id': [1], 'x': pa.array(['a'], pa.large_string())}), pa.table({'id': [2], 'x': "
    "pa.array([None], pa.string())}), pa.table({'id': [3], 'x': ['b']})",
    "short, then a view": "pa.table({'id': [1], 'x': ['a']}), pa.table({'id': [2]}), pa.table({'id': [3], 'x': "
    "pa.array(['b'], pa.string_view())})",
    "batches": "pa.record_batch({'id': [1], 'x': pa.array(['a'], pa.large_string())}), pa.record_batch({'id': [2]}), "
    "pa.record_batch({'id': [3], 'x': ['b']})",
    "of several libraries": "pa.table({'id': [1], 'x': ['a']}), pa.table({'id': [2]}), pd.DataFrame({'id': [3], 'x': "
    "['b']})",
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize(
    "settings", ["", ", write_disposition: merge, primary_key: id", ", columns: {x: {data_type: text}}"]
)
def test_a_text_may_be_missing_in_a_frame(tree: Tree, name: str, settings: str) -> None:
    """Whatever the Arrow type of the text is."""
    add(tree, MISSING[name], settings)
    tree.load("s.t")
    assert found(tree) == ["a", None, "b"]


@pytest.mark.parametrize("kind", ["large_binary", "binary", "binary_view"])
def test_bytes_may_be_missing_in_a_frame(tree: Tree, kind: str) -> None:
    """As texts may."""
    add(tree, f"pa.table({{'id': [1], 'x': pa.array([b'a'], pa.{kind}())}}), pa.table({{'id': [2]}}), "
        "pa.table({'id': [3], 'x': [b'b']})")  # fmt: skip
    tree.load("s.t")
    assert found(tree) == [b"a", None, b"b"]


CATEGORIES = {
    "pandas": "pd.DataFrame({{'id': [{id}], 'x': pd.Categorical([{value}], {categories}, ordered={ordered})}})",
    "arrow": "pa.table({{'id': [{id}], 'x': pa.DictionaryArray.from_arrays([{categories}.index({value})], "
    "{categories}, ordered={ordered})}})",
}


@pytest.mark.parametrize("name", CATEGORIES)
@pytest.mark.parametrize("ordered", ["False", "True"])
def test_categories_land_as_their_values(tree: Tree, name: str, ordered: str) -> None:
    """Order, unused categories, and other ones in the next frame make no difference."""
    given = [("a", ["b", "a"]), ("c", ["c", "unused"]), ("a", ["a"])]
    frames = [
        CATEGORIES[name].format(id=number, value=repr(value), categories=categories, ordered=ordered)
        for number, (value, categories) in enumerate(given)
    ]
    add(tree, ", ".join(frames))
    tree.load("s.t")
    assert found(tree) == ["a", "c", "a"]


VALUES: dict[str, tuple[str, Any]] = {
    "dictionary of integers": ("pa.array([7], pa.int32()).dictionary_encode()", 7),
    "dictionary of decimals": ("pa.array([Decimal('1.50')]).dictionary_encode()", Decimal("1.50")),
    "dictionary of days": ("pa.array([dt.date(2024, 1, 1)]).dictionary_encode()", date(2024, 1, 1)),
    "runs": ("pa.RunEndEncodedArray.from_arrays([1], ['a'])", "a"),
    "uint64": ("pa.array([5], pa.uint64())", 5),
    "uuid": ("pa.array([ONE.bytes], pa.uuid())", UUID),
    "half float": ("pa.array(np.array([1.5], dtype='float16'))", 1.5),
    "fixed bytes": ("pa.array([b'ab'], pa.binary(2))", b"ab"),
    "seconds": ("pa.array([dt.datetime(2024, 1, 1)], pa.timestamp('s'))", datetime(2024, 1, 1)),  # noqa: DTZ001 - as DuckDB returns it
    "decimal256": ("pa.array([Decimal('1.50')], pa.decimal256(30, 2))", Decimal("1.50")),
    "json": ("pa.array(['{\"a\": 1}'], pa.json_())", '{"a": 1}'),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_column_of_any_type_lands(tree: Tree, name: str) -> None:
    """And so it does where a frame before or after has no such column."""
    array, value = VALUES[name]
    add(tree, f"pa.table({{'id': [1]}}), pa.table({{'id': [2], 'x': {array}}}), pa.table({{'id': [3]}})")
    tree.load("s.t")
    column = "x at time zone 'UTC'" if name == "seconds" else "x"
    assert found(tree, column) == [None, value, None]


@pytest.mark.parametrize("frame", ["pd.DataFrame({'id': [1], 'x': [ONE]})"])
def test_uuids_of_a_frame_are_texts(tree: Tree, frame: str) -> None:
    """As those of dicts."""
    add(tree, frame)
    tree.load("s.t")
    assert found(tree) == [UUID]


LAZY = """
class LazyFrame:
    def __init__(self, frame):
        self.collect = lambda: frame

LazyFrame.__module__ = "polars.lazyframe.frame"

"""


@pytest.mark.parametrize("settings", ["", ", requires: [id]", ", incremental: {cursor_path: id}", ", engine: dlt"])
@pytest.mark.parametrize("body", ["yield lazy; yield [lazy]", "return [lazy, lazy]"])
def test_a_lazy_frame_is_collected(tree: Tree, body: str, settings: str) -> None:
    """It has no rows before. The test has the one method of polars' class that is called."""
    code = f"import pandas as pd\n{LAZY}lazy = LazyFrame(pd.DataFrame({{'id': [2]}}))\n\ndef get():\n    {body}\n"
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t{settings}}}]", code)
    tree.load("s.t")
    assert set(found(tree, "id")) == {2}


def test_a_wide_unsigned_integer_lands_as_the_configuration_says(tree: Tree) -> None:
    """The refusal gives the line, and with it the load succeeds."""
    frame = "pa.table({'id': [1], 'x': pa.array([2**64 - 1], pa.uint64())})"
    add(tree, frame)
    with pytest.raises(
        LoadError, match=r"row 1, column x: .*`columns: \{x: \{data_type: decimal, precision: 20, scale: 0"
    ):
        tree.load("s.t")
    add(tree, frame, ", columns: {x: {data_type: decimal, precision: 20, scale: 0}}")
    tree.load("s.t")
    assert found(tree) == [Decimal(2**64 - 1)]


@pytest.mark.parametrize(("unit", "value"), [("s", 90), ("ms", 90_000), ("us", 90_000_000), ("ns", 90_000_000_000)])
def test_a_duration_lands_as_the_configuration_says(tree: Tree, unit: str, value: int) -> None:
    """The refusal gives the lines; a number is in microseconds, whatever the unit of the frame is."""
    frame = f"pa.table({{'id': [1], 'x': pa.array([{value}], pa.duration('{unit}'))}})"
    add(tree, frame)
    with pytest.raises(LoadError, match=r"row 1, column x: .*`columns: \{x: \{data_type: bigint\}\}`.*microseconds"):
        tree.load("s.t")
    add(tree, frame, ", columns: {x: {data_type: bigint}}")
    tree.load("s.t")
    assert found(tree) == [90_000_000]


def test_a_refusal_needs_no_code(tree: Tree) -> None:
    """A person whose rows come from a file can write the line that it gives."""
    add(tree, "pa.table({'id': [1], 'x': [1]}), pa.table({'id': [2], 'x': ['a']})")
    with pytest.raises(LoadError, match=r"row 2, column x: .*`columns: \{x: \{data_type: text\}\}`"):
        tree.load("s.t")
    add(tree, "pa.table({'id': [1], 'x': [1]}), pa.table({'id': [2], 'x': ['a']})", ", columns: {x: {data_type: text}}")
    tree.load("s.t", refresh="drop")
    assert found(tree) == ["1", "a"]
