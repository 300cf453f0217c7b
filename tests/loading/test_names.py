"""Names of all scripts: with the naming convention for them, headings and tables keep their letters."""

from collections.abc import Iterator

import pytest

from data_foundation.errors import ValueRefused
from data_foundation.naming import UNICODE, forget_naming, normalize
from data_foundation.unicode_snake_case import NamingConvention
from tests.support.trees import Tree

DATA = """
import dlt
import pyarrow as pa

ROWS = [
    {"订单": 1, "客户": "甲", "Номер заказа": "A-1", "Größe": 1.5, "日期": "2024-01-01", "строки": [{"Цена": 2}]},
    {"订单": 2, "客户": "乙", "Номер заказа": "A-2", "Größe": 2.5, "日期": "2024-01-02", "строки": []},
]


def get_rows():
    yield ROWS


def get_frames():
    yield pa.Table.from_pylist([{key: row[key] for key in list(row)[:5]} for row in ROWS])


def get_tables():
    yield dlt.mark.with_table_name([{"id": 1}], "订单")
    yield dlt.mark.with_table_name([{"id": 2}], "客户")
"""


@pytest.fixture(autouse=True)
def _all_scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sets the naming convention, as `naming` in `.dlt/config.toml` does."""
    monkeypatch.setenv("SCHEMA__NAMING", UNICODE)
    forget_naming()
    yield
    monkeypatch.undo()
    forget_naming()


def add(tree: Tree, entry: str, more: str = "") -> None:
    """Writes a source with one resource."""
    tree.add("shop", f"resources: [{{entry: data.{entry}, destination: raw.rows{more}}}]", DATA)


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("订单", "订单"),
        ("Номер заказа", "номер_заказа"),
        ("Größe (cm)", "größe_cmx"),
        ("हिन्दी शब्द", "हिन्दी_शब्द"),
        ("OrderId", "order_id"),
        ("12月", "_12月"),
        ("e\u0301tat", "\u00e9tat"),
    ],
)
def test_headings_keep_their_letters(heading: str, column: str) -> None:
    """Letters and marks of all scripts stay, in lower case; everything else is as in snake_case."""
    assert normalize(heading) == column


@pytest.mark.parametrize("length", [20, 63])
def test_a_name_is_shortened_by_its_bytes(length: int) -> None:
    """PostgreSQL counts bytes and would cut a name of 63 Cyrillic letters in its middle."""
    naming = NamingConvention(length)
    names = {naming.normalize_identifier("ж" * 70 + end) for end in "цж"}
    assert len(names) == 2
    assert all(length - 4 <= len(name.encode()) <= length for name in names)


@pytest.mark.parametrize(("entry", "engine"), [("get_rows", "columnar"), ("get_rows", "dlt"), ("get_frames", "dlt")])
def test_columns_of_all_scripts_land(any_tree: Tree, entry: str, engine: str) -> None:
    """Every heading is a column of its own, in dicts and frames, in both engines and on both databases."""
    add(any_tree, entry, f", engine: {engine}")
    for _ in range(2):
        any_tree.load("shop.rows")
    query = "select distinct 订单, 客户, номер_заказа, größe from raw.rows order by 订单"
    assert any_tree.query(query) == [(1, "甲", "A-1", 1.5), (2, "乙", "A-2", 2.5)]


def test_configured_columns_are_found(any_tree: Tree) -> None:
    """Key, types, required columns and checks are written as in the source."""
    more = (
        ", write_disposition: merge, primary_key: 订单, requires: [Номер заказа],"
        " columns: {Größe: {data_type: decimal, precision: 10, scale: 2}}, child_tables: [строки],"
        " checks: {primary_key: block}"
    )
    add(any_tree, "get_rows", more)
    for _ in range(2):
        result = any_tree.load("shop.rows")
    assert (result.row_count, [check.passed for check in result.checks]) == (2, [True] * len(result.checks))
    assert result.columns["größe"]["data_type"] == "decimal"
    assert any_tree.query("select цена from raw.rows__строки") == [2]


def test_tables_of_all_scripts_are_two(any_tree: Tree) -> None:
    """订单 and 客户 are two tables."""
    add(any_tree, "get_tables", ", tables: [订单, 客户]")
    assert any_tree.load("shop.rows").warnings == ()
    assert (any_tree.query("select id from raw.订单"), any_tree.query("select id from raw.客户")) == ([1], [2])


def test_a_destination_of_all_scripts(any_tree: Tree) -> None:
    """A destination may have letters of any script."""
    any_tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.订单}]", DATA)
    assert any_tree.load("shop.订单").row_count == 2


def test_snake_case_stays_the_default(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting two headings that lose all letters are refused; the error names the setting."""
    monkeypatch.delenv("SCHEMA__NAMING")
    forget_naming()
    add(tree, "get_rows")
    with pytest.raises(ValueRefused, match=r"become one name, x; .*naming = .*unicode_snake_case"):
        tree.load("shop.rows")


@pytest.mark.parametrize("entry", ["get_rows", "get_frames"])
def test_a_cursor_of_any_script(any_tree: Tree, entry: str) -> None:
    """The cursor is written as in the source, without quotes; the second run has nothing new."""
    more = ", write_disposition: merge, primary_key: 订单, incremental: {cursor_path: 日期}, checks: {cursor: warn}"
    add(any_tree, entry, more)
    results = [any_tree.load("shop.rows") for _ in range(2)]
    assert [result.row_count for result in results] == [2, 2]
    assert results[0].cursor[1] == results[1].cursor[0] == "2024-01-02"
    assert all(check.passed for result in results for check in result.checks)
