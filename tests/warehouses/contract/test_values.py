"""A value arrives exactly on every engine, or is refused before anything is written."""

import json
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.trees import Tree
from tests.warehouses.contract.engines import Engine

DATA = '''
import pickle
from pathlib import Path


def get_rows():
    """Yields the rows that the test has set."""
    yield pickle.loads((Path(__file__).parent / "rows.pickle").read_bytes())
'''
YAML = """
resources:
  - entry: data.get_rows
    destination: raw.t
    write_disposition: merge
    primary_key: id
    max_table_nesting: 0
    columns: {amount: {data_type: decimal, precision: 38, scale: 9}, doc: {data_type: json}}
"""

TEXTS = [
    "a",
    "A",
    "a ",
    "ä",
    "ae",
    "it's",
    'say "x"',
    "back\\slash",
    "tab\t new\nline\r",
    "%s :p0 ?",
    "😀",
    "",
    "ß" * 70_000,
]
"""Keys as well: each is another one, also in lower case, without accents and with a space at its end."""

VALUES: Mapping[str, list[Any]] = {
    "whole": [0, -(2**63), 2**63 - 1, 9007199254740993],
    "amount": [Decimal("0.1"), Decimal("-12345.678900001"), Decimal(99999999999999)],
    "real": [0.1, -1.5e300, 2.2250738585072014e-308, 1e16],
    "flag": [True, False],
    "moment": [datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
    "day": [date(1000, 1, 1), date(9999, 12, 31)],
    "clock": [time(23, 59, 59, 999999), time(0, 0)],
    "raw_bytes": [b"\x00\xff'\\", b""],
    "doc": [{"a": [1, "it's", None], "b": {"c": '\\ " ü'}}, [1, 2]],
}

ROWS = [
    {"id": text, **{name: values[number % len(values)] for name, values in VALUES.items()}}
    for number, text in enumerate(TEXTS)
]


def give(tree: Tree, rows: list[dict[str, Any]]) -> None:
    """Sets the rows that the entry yields."""
    (tree.root / "dlthub" / "s" / "rows.pickle").write_bytes(pickle.dumps(rows))


_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)

_READ: Mapping[type, Callable[[Any], Any]] = {
    bool: bool,
    Decimal: lambda found: Decimal(str(found)),
    datetime: lambda found: _in_utc(datetime.fromisoformat(str(found))),
    date: lambda found: date.fromisoformat(str(found)),
    time: lambda found: (_MIDNIGHT + found).time() if isinstance(found, timedelta) else time.fromisoformat(str(found)),
    bytes: bytes,
    dict: lambda found: json.loads(found) if isinstance(found, str) else found,
    list: lambda found: json.loads(found) if isinstance(found, str) else found,
}
"""How a value that was read becomes one of the type that was loaded: drivers differ, and SQLite has few types."""


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as(expected: Any, found: Any) -> Any:
    return _READ.get(type(expected), lambda value: value)(found)


@pytest.mark.sampled(2)
def test_values_arrive_exactly(engine: Engine, tree: Tree) -> None:
    """Two loads of a merge by a text key leave one row for each key, with each value as it was sent."""
    load_values(tree, YAML if engine.merges else YAML.replace("merge", "replace"))
    compare_values(tree)


def load_values(tree: Tree, yaml: str = YAML) -> None:
    """Loads `ROWS` twice into the table `raw.t`."""
    tree.add("s", yaml, DATA)
    for _ in range(2):
        give(tree, ROWS)
        tree.load("s.t")


def compare_values(tree: Tree) -> None:
    """Asserts that the table `raw.t` has `ROWS`."""
    found = {row[0]: row[1:] for row in tree.query(f"select id, {', '.join(VALUES)} from raw.t")}
    assert sorted(found) == sorted(TEXTS)
    for row in ROWS:
        for name, value in zip(VALUES, found[row["id"]], strict=True):
            assert _as(row[name], value) == row[name], (name, row["id"][:20])
