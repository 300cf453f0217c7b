"""Tests of parquet files of a lake whose rows change their type: each file has types of its own."""

from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import FoundationError
from tests.support.lakes import ParquetTree

YAML = """
resources:
  - entry: data.get_rows
    destination: raw.t
    write_disposition: MODE
    columns: {amount: {data_type: KIND}}
"""
CASES = {
    "number to text": ("bigint", 5, "text", "x"),
    "large number to double": ("bigint", 2**53 + 1, "double", 0.5),
    "moment to day": ("timestamp", "2024-01-01T00:00:00Z", "date", "2024-01-02"),
    "moment without a zone": ("timestamp", "2024-01-01T00:00:00Z", "timestamp, timezone: false", "2024-01-01T00:00:00"),
}


def load(tree: ParquetTree, mode: str, kind: str, row: dict[str, Any], **options: Any) -> None:
    """Loads a row whose column has a type."""
    tree.add("s", YAML.replace("MODE", mode).replace("KIND", kind))
    tree.give("s", [row])
    tree.load("s.t", **options)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("case", CASES)
def test_an_append_of_another_type_is_refused(case: str, tmp_path: Path) -> None:
    """Else no reader could read the table any more; the message names both types, and `refresh=drop` takes it."""
    before, first, after, second = CASES[case]
    load(tree := ParquetTree(tmp_path), "append", before, {"id": 1, "amount": first})
    kept = tree.query("select id, amount from raw.t")
    with pytest.raises(FoundationError, match=f"amount has the type {before} .* refresh=drop"):
        load(tree, "append", after, {"id": 2, "amount": second})
    assert tree.query("select id, amount from raw.t") == kept
    load(tree, "append", before, {"id": 3, "amount": first})
    assert tree.query("select id from raw.t order by id") == [1, 3]
    load(tree, "append", after, {"id": 2, "amount": second}, refresh="drop")
    assert tree.query("select id from raw.t") == [2]


def test_a_replace_takes_another_type(tmp_path: Path) -> None:
    """The files of the former type are gone with it."""
    load(tree := ParquetTree(tmp_path), "replace", "bigint", {"id": 1, "amount": 5})
    load(tree, "replace", "text", {"id": 1, "amount": "five"})
    assert tree.query("select amount from raw.t") == ["five"]
