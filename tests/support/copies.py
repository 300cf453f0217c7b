"""Tables that are copied from one warehouse to another, and what must then be equal."""

from dataclasses import dataclass

from data_foundation.loading.copying.copy_table import Copied, copy_table
from tests.support.trees import Tree

DATA = '''
import base64
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path


def get_rows():
    """Whatever the test gave last, with values of every type."""
    for row in json.loads((Path(__file__).parent / "rows.json").read_text()):
        number = row["id"]
        yield {
            **row,
            "moment": dt.datetime(2024, 1, number, 12, 0, 0, 123456, tzinfo=dt.UTC),
            "born": dt.date(2024, 1, number),
            "clock": dt.time(1, 2, 3, number),
            "amount": Decimal(number) / 8 if number % 2 else None,
            "ratio": 1 / number,
            "raw": bytes([0, number, 255]),
            "is_odd": bool(number % 2),
            "note": 'a "quote", % and %s' + chr(10) + chr(233) if number != 3 else "",
            "extra": {"b": [1, 2.50, None, "x"], "a": {"n": 12345678901234567, "t": "1.50"}},
            "lines": [{"sku": f"s{item}", "tags": ["a", "b"]} for item in range(number)],
        }
'''

COLUMNS = "columns: {extra: {data_type: json}, amount: {data_type: decimal, precision: 20, scale: 3}}"
CURSOR = "incremental: {cursor_path: id, initial_value: 0}"
KINDS = {
    "append": ["write_disposition: append", CURSOR],
    "merge": ["write_disposition: merge", "primary_key: id", CURSOR],
    "scd2": ["write_disposition: {disposition: merge, strategy: scd2}"],
    "replace": ["write_disposition: replace"],
}


@dataclass(frozen=True)
class Table:
    """The table `raw.orders` of a project."""

    tree: Tree

    def declare(self, kind: str) -> None:
        """Writes the source, whose rows are of each type."""
        lines = ["resources:", "  - entry: data.get_rows", "    destination: raw.orders", f"    {COLUMNS}"]
        self.tree.add("shop", "\n".join([*lines, *(f"    {setting}" for setting in KINDS[kind])]), DATA)

    def load(self, *ids: int) -> None:
        """Loads rows with these ids."""
        self.tree.give("shop", [{"id": number} for number in ids])
        self.tree.load("shop.orders")


@dataclass(frozen=True)
class Pair:
    """A project as it is seen with each of two warehouses."""

    here: Tree
    there: Tree

    def compare(self) -> None:
        """Asserts that the tables are equal, nested ones included, and that ids connect them."""
        for sql in EQUAL:
            assert self.there.query(sql) == self.here.query(sql), sql


EQUAL = (
    "select id, moment, born, clock, amount, ratio, is_odd, note from raw.orders order by id, moment",
    "select sku, _dlt_list_idx from raw.orders__lines order by 1, 2",
    "select count(*) from raw.orders o join raw.orders__lines l on l._dlt_parent_id = o._dlt_id",
    "select count(*) from raw.orders__lines l join raw.orders__lines__tags t on t._dlt_parent_id = l._dlt_id",
    "select count(*) from raw.orders o join raw._dlt_loads l on l.load_id = o._dlt_load_id",
)
"""Queries whose results do not depend on the ids that dlt makes up."""


def copy(pair: Pair) -> Copied:
    """Copies the table from the first warehouse to the second."""
    task = pair.here.task("shop.orders", run_id="copy")
    return copy_table(task, pair.here.warehouse, pair.there.warehouse, print)
