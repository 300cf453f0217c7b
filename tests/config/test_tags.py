"""Contracts in tags.yaml: the file is checked as a whole, and rows are checked before they are written."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from data_foundation.config.tags import load_tags
from data_foundation.errors import ConfigError, RequiredColumnsMissing
from data_foundation.project.find_sources import find_sources
from data_foundation.project.source import load_source_config
from tests.support.trees import Tree

TAGS = "transactions: {requires: {date: date, amount: decimal, description: text}}\n"
ROW = {"id": 1, "date": "2024-01-31", "amount": 12, "description": "rent"}
DATE = "columns: {date: {data_type: date}}"
ARROW = """
import pyarrow as pa


def get_rows():
    yield pa.table({"id": [1], "date": ["2024-01-31"], "amount": [12.5], "description": ["rent"]})
"""


def add(tree: Tree, *settings: str, tags: str = TAGS, **more: str) -> Path:
    """Writes the source `shop` with one tagged table, and tags.yaml; returns the source's folder."""
    lines = "\n".join(("destination: raw.orders", "primary_key: id", "tag: transactions", *settings))
    folder = tree.add("shop", f"resources:\n  - entry: data.get_rows\n{indent(lines, '    ')}\n", **more)
    (tree.root / "dlthub" / "tags.yaml").write_text(tags)
    return folder


def test_all_problems_of_the_file_are_reported_at_once(tmp_path: Path) -> None:
    """A tags.yaml with several errors lists each with file, line and accepted values."""
    file = tmp_path / "tags.yaml"
    file.write_text(
        "transactions: {requires: {amount: decimall, Date: date}}\n"
        "Workouts: {requires: {at: timestamp}}\n"
        "sleep: {needs: {at: timestamp}}\n"
        "music: loud\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_tags(file)
    reported = [f"{problem.line} {problem.field}: {problem.message}" for problem in caught.value.problems]
    assert [line.partition(":")[0] for line in reported] == [
        "1 transactions.requires.amount",
        "1 transactions.requires.Date",
        "2 Workouts",
        "3 sleep.needs",
        "3 sleep.requires",
        "4 music",
    ]
    assert "got 'decimall'; accepted: text, double," in reported[0]
    assert reported[0].endswith("Did you mean 'decimal'?")
    assert "unknown key 'needs'; accepted: requires" in reported[3]
    assert "needs at least one column with its type" in reported[4]


def test_a_broken_file_breaks_the_sources_that_use_tags(tree: Tree) -> None:
    """A broken tags.yaml is listed as broken, as is each source that uses a tag; other sources still load."""
    add(tree, tags="transactions: {requires: {amount: money}}\n")
    tree.add("other", "resources:\n  - {entry: data.get_rows, destination: raw.other}\n")
    found, broken = find_sources(tree.root)
    assert [source.config.name for source in found] == ["other"]
    assert [source.name for source in broken] == ["shop", "tags.yaml"]
    assert {problem.file.name for source in broken for problem in source.problems} == {"tags.yaml"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["columns_from: {amonut: Bedrag}"], "'amonut' is no column of the tag; .* Did you mean 'amount'"),
        (
            ["columns: {amount: {data_type: text}}"],
            "amount is text and tag transactions needs amount as decimal, bigint",
        ),
        (["columns_from: {amount: Bedrag}", "columns: {Bedrag: {data_type: double}}"], "Bedrag is double and"),
        (["landing: vault", "write_disposition: merge"], "leave write_disposition out"),
        (["landing: vault", "child_tables: [lines]"], "leave child_tables out"),
        (["landing: vault", "max_table_nesting: 2"], "max_table_nesting is 0"),
        (["landing: vault", "warehouse: lake"], "accepted: duckdb, snowflake, postgres"),
        (["landing: cellar"], "accepted: table, vault"),
    ],
    ids=["column", "type", "renamed type", "disposition", "children", "nesting", "lake", "landing"],
)
def test_settings_that_contradict_the_tag_are_refused(tree: Tree, settings: Sequence[str], message: str) -> None:
    """A resource that contradicts its tag or its landing is a problem of its file, with the line."""
    folder = add(tree, *settings)
    with pytest.raises(ConfigError, match=message) as caught:
        load_source_config(folder)
    assert all(problem.line for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("primary_key: id, tag: transaction", "unknown tag 'transaction'; accepted: transactions.*Did you mean"),
        ("tag: transactions", "tag needs a primary_key"),
        ("columns_from: {amount: Bedrag}", "columns_from needs a tag"),
        ("landing: vault, primary_key: id", "landing vault needs a tag"),
    ],
    ids=["unknown", "no key", "renames", "vault"],
)
def test_a_tag_must_be_registered_and_needs_a_primary_key(tree: Tree, yaml: str, message: str) -> None:
    """Unknown tags, tags without a primary key, and settings that need a tag are refused."""
    folder = tree.add("shop", f"resources:\n  - {{entry: data.get_rows, destination: raw.orders, {yaml}}}\n")
    (tree.root / "dlthub" / "tags.yaml").write_text(TAGS)
    with pytest.raises(ConfigError, match=message):
        load_source_config(folder)


def test_a_missing_file_is_reported_with_an_example(tree: Tree) -> None:
    """The error for a tag without a tags.yaml contains an example of the file."""
    folder = add(tree)
    (tree.root / "dlthub" / "tags.yaml").unlink()
    with pytest.raises(ConfigError, match=r"dlthub/tags.yaml registers them: transactions: \{requires:"):
        load_source_config(folder)


BREACHES: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "missing": ({"amount": ...}, [DATE], "amount .decimal.: the rows have no such column"),
    "text as date": ({}, [], "date .date.: the column is text; accepted: date. If every value is one, set `columns:"),
    "float as decimal": ({"amount": 1.5}, [DATE], "amount .decimal.: the column is double; accepted: decimal, bigint"),
    "words as decimal": (
        {"amount": "twelve"},
        ["columns: {date: {data_type: date}, amount: {data_type: decimal}}"],
        "some values are text, they are in column amount__v_text",
    ),
    "never a value": ({"description": None}, [DATE], "no row has a value, so that its type is unknown"),
    "renamed and missing": ({}, [DATE, "columns_from: {amount: Bedrag}"], "from column bedrag: the rows have no such"),
}


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("name", BREACHES)
def test_rows_that_break_the_contract_are_not_written(tree: Tree, name: str, engine: str) -> None:
    """The error names column and type with both engines, and no table is created."""
    change, settings, message = BREACHES[name]
    add(tree, f"engine: {engine}", *settings)
    tree.give("shop", [{key: value for key, value in (ROW | change).items() if value is not ...}])
    with pytest.raises(RequiredColumnsMissing, match=message):
        tree.load("shop.orders")
    assert "orders" not in tree.query("select table_name from information_schema.tables")


@pytest.mark.parametrize("amount", [12, "12.50", 12.5], ids=["bigint", "text", "double"])
def test_a_declared_decimal_accepts_exact_conversions(tree: Tree, amount: Any) -> None:
    """A decimal is satisfied by integers, and by text and floats whose column is declared decimal."""
    add(tree, "columns: {date: {data_type: date}, Bedrag: {data_type: decimal}}", "columns_from: {amount: Bedrag}")
    tree.give("shop", [{"id": 1, "date": "2024-01-31", "Bedrag": amount, "description": "rent"}])
    result = tree.load("shop.orders")
    assert result.columns["bedrag"]["data_type"] == "decimal"
    assert [check.passed for check in result.checks if check.name == "requires"] == [True]


def test_a_source_that_drops_a_required_column_fails(tree: Tree) -> None:
    """The load without the column fails, as does the check `requires`; the table keeps its rows."""
    add(tree, DATE)
    tree.give("shop", [ROW])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "date": "2024-01-31", "description": "rent"}])
    with pytest.raises(RequiredColumnsMissing, match="amount"):
        tree.load("shop.orders")
    assert tree.query("select id from raw.orders") == [1]


def test_a_run_without_new_rows_passes_the_contract(tree: Tree) -> None:
    """A run without new rows has no columns and passes the contract."""
    add(tree, DATE, "incremental: {cursor_path: id}")
    tree.give("shop", [ROW])
    assert [tree.load("shop.orders").rows for _ in range(2)] == [1, 0]


def test_arrow_tables_are_checked_too(tree: Tree) -> None:
    """An Arrow table whose amount is a float is refused."""
    add(tree, DATE, data=ARROW)
    with pytest.raises(RequiredColumnsMissing, match=r"amount \(decimal\): the column is double"):
        tree.load("shop.orders")
