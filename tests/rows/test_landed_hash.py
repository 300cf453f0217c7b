"""Tests of scd2: a version is made by a change of what lands, and by nothing else."""

import textwrap
from typing import Any

import pytest

from data_foundation.loading.pipeline import TablePipeline
from tests.support.trees import Tree

HEAD = """
import datetime as dt
from decimal import Decimal
from pathlib import Path

import dlt
import pyarrow as pa

RUN = Path(__file__).with_name("run.txt")


"""
SAME = {
    "a None in a new column": ("{'id': 1}", "{'id': 1, 'new': None}"),
    "a None that is left out": ("{'id': 1, 'a': None}", "{'id': 1}"),
    "a None in an object": ("{'id': 1, 'o': {'x': 1}}", "{'id': 1, 'o': {'x': 1, 'y': None}}"),
    "a None in a list": ("{'id': 1, 'l': [{'x': 1}]}", "{'id': 1, 'l': [{'x': 1, 'y': None}]}"),
    "a time as text": (
        "{'id': 1, 't': dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}",
        "{'id': 1, 't': '2024-01-01T00:00:00Z'}",
    ),
    "a time in another zone": (
        "{'id': 1, 't': '2024-01-01T02:00:00+02:00'}",
        "{'id': 1, 't': '2024-01-01T00:00:00.000Z'}",
    ),
    "a time of an object": (
        "{'id': 1, 'o': {'t': '2024-01-01T00:00:00Z'}}",
        "{'id': 1, 'o': {'t': dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}}",
    ),
    "the order of keys": ("{'id': 1, 'a': 1, 'b': 2}", "{'b': 2, 'a': 1, 'id': 1}"),
    "zeros of a decimal": ("{'id': 1, 'd': Decimal('1.50')}", "{'id': 1, 'd': Decimal('1.5')}"),
}
CHANGED = {
    "a value": ("{'id': 1, 'a': 1}", "{'id': 1, 'a': 2}"),
    "a value to None": ("{'id': 1, 'a': 1}", "{'id': 1, 'a': None}"),
    "a new column": ("{'id': 1}", "{'id': 1, 'a': 1}"),
    "a row of a list": ("{'id': 1, 'l': [{'x': 1}]}", "{'id': 1, 'l': [{'x': 1}, {'x': 2}]}"),
    "an instant": ("{'id': 1, 't': '2024-01-01T00:00:00Z'}", "{'id': 1, 't': '2024-01-01T00:00:00.001Z'}"),
    "a text that looks like a time": ("{'id': 1, 'a': 'x 2024'}", "{'id': 1, 'a': 'x 2024 '}"),
}
ENTRY = "def rows():\n    yield ({first}) if RUN.read_text() == '1' else ({second})\n"
YAML = """
resources:
  - entry: data.rows
    destination: raw.t
    engine: {engine}
    write_disposition: {{disposition: merge, strategy: scd2}}
"""


def versions(tree: Tree, first: str, second: str, engine: str) -> list[bool]:
    """Loads one row and then the other; returns for each version whether it holds now."""
    folder = tree.add("s", YAML.format(engine=engine), HEAD + textwrap.dedent(ENTRY.format(first=first, second=second)))
    for run in ("1", "2", "2"):
        (folder / "run.txt").write_text(run)
        tree.load("s.t")
    return tree.query("SELECT _dlt_valid_to IS NULL FROM raw.t ORDER BY 1")


@pytest.mark.sampled(11)
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME.keys())
def test_another_spelling_of_the_same_values_makes_no_version(tree: Tree, first: str, second: str, engine: str) -> None:
    """What lands is compared: a None that is written out and the form of a time make no version."""
    assert versions(tree, first, second, engine) == [True]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize(("first", "second"), CHANGED.values(), ids=CHANGED.keys())
def test_a_change_makes_a_version(tree: Tree, first: str, second: str, engine: str) -> None:
    """A value that lands differently ends the version before."""
    assert versions(tree, first, second, engine) == [False, True]


def test_frames_and_dicts_have_the_same_ids(tree: Tree) -> None:
    """A table that is yielded as Arrow one day and as dicts the next gets no version."""
    frame = "pa.Table.from_pylist([{'id': 1, 't': dt.datetime(2024, 1, 1, tzinfo=dt.UTC), 'n': None, 'd': 1.5}])"
    assert versions(tree, frame, "{'id': 1, 't': '2024-01-01T00:00:00Z', 'd': 1.5}", "columnar") == [True]


def test_a_table_with_ids_of_dlt_keeps_them(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of a table that is there are made as before: a change of the method would be a version of every row."""
    row = "{'id': 1, 'a': None, 't': '2024-01-01T00:00:00Z'}"

    with monkeypatch.context() as before:
        before.setattr(TablePipeline, "hashes_landed", lambda *_args, **_kwargs: False)
        assert versions(tree, row, row, "columnar") == [True]
    stored: list[Any] = tree.query("SELECT _dlt_id FROM raw.t")
    tree.load("s.t")
    assert tree.query("SELECT _dlt_id FROM raw.t") == stored
