"""Tests of `foundation dbt-sources`: its file has the loaded tables, and the committed file is up to date."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, HEADER, SUFFIX, build_dbt_sources
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
ORDERS = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    write_disposition: merge
    primary_key: id
    child_tables: [lines]
    columns:
      total: {data_type: double, description: What the customer pays.}
      id: {data_type: bigint, description: "Number of the order, {{ as printed }}."}
"""
ROWS = [{"id": 1, "zone": "b", "total": 2.5, "lines": [{"sku": "x", "amount": 2}]}]

# Loading from the sandbox takes time: the tests that need it share a worker.
pytestmark = pytest.mark.xdist_group("loaded_warehouse")


def tables_of(text: str) -> dict[str, Any]:
    """Returns the tables of the only source by name, in order."""
    (source,) = yaml.safe_load(text)["sources"]
    assert (source["name"], source["schema"]) == ("raw", "raw" + SUFFIX)
    return {table["name"]: table for table in source["tables"]}


def test_the_committed_file_is_up_to_date(loaded_warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    """Loading everything from the sandbox and running the command does not change the committed sources."""
    (tmp_path / "dlthub").mkdir()
    shipped = ("exchange_rate", "facebook_ads", "github", "google_ads", "mentions", "open_data", "personal_finance")
    for name in (*shipped, "tags.yaml"):
        (tmp_path / "dlthub" / name).symlink_to(ROOT / "dlthub" / name)
    written = (ROOT / DBT_SOURCES_FILE).read_text(encoding="utf-8")
    expected = build_dbt_sources(tmp_path, loaded_warehouse)
    # Other sources may have been added to this checkout: the order of the committed ones is the same.
    ours = {name: table for name, table in tables_of(written).items() if name in tables_of(expected)}
    assert list(ours.items()) == list(tables_of(expected).items()), "run: foundation dbt-sources"
    assert written == expected or len(tables_of(written)) > len(ours)


def test_columns_are_those_of_the_loaded_tables(tree: Tree) -> None:
    """Described columns are first, as configured, then the others by name, then those that join child tables."""
    tree.add("shop", ORDERS)
    tree.give("shop", ROWS)
    tree.load("shop.orders")
    tables = tables_of(build_dbt_sources(tree.root, tree.warehouse))
    assert tables["orders"]["columns"][:2] == [
        {"name": "total", "data_type": "double", "description": "What the customer pays."},
        {
            "name": "id",
            "data_type": "bigint",
            "description": "{% raw %}Number of the order, {{ as printed }}.{% endraw %}",
        },
    ]
    assert [column["name"] for column in tables["orders"]["columns"]] == ["total", "id", "zone", "_dlt_id"]
    assert tables["orders"]["description"] == "Whatever the test gave last."
    assert [column["name"] for column in tables["orders__lines"]["columns"]] == [
        "amount", "sku", "_dlt_parent_id", "_dlt_list_idx",
    ]  # fmt: skip


def test_the_order_of_columns_in_rows_does_not_matter(tree: Tree) -> None:
    """The same columns give the same text, in whatever order the rows had them."""
    tree.add("shop", ORDERS)
    texts = []
    for rows in (ROWS, [dict(reversed(ROWS[0].items()))]):
        tree.give("shop", rows)
        tree.load("shop.orders", refresh="drop")
        texts.append(build_dbt_sources(tree.root, tree.warehouse))
    assert texts[0] == texts[1]


def test_a_table_without_a_load_is_listed_from_its_configuration(tree: Tree) -> None:
    """A model that reads the table can be parsed, and a comment names the missing tables."""
    tree.add("shop", ORDERS)
    text = build_dbt_sources(tree.root, tree.warehouse)
    assert text.startswith(
        f"{HEADER}# Not loaded yet; columns are those of sources.yaml: raw.orders, raw.orders__lines."
    )
    tables = tables_of(text)
    assert [column["name"] for column in tables["orders"]["columns"]] == ["total", "id", "_dlt_id"]
    assert [column["name"] for column in tables["orders__lines"]["columns"]] == ["_dlt_parent_id", "_dlt_list_idx"]


def test_a_broken_source_is_named(tree: Tree) -> None:
    """A comment names the folder with an invalid configuration."""
    tree.add("shop", ORDERS)
    tree.add("wreck", "resources: 5")
    assert "# Not listed, because the configuration has errors: dlthub/wreck." in build_dbt_sources(
        tree.root, tree.warehouse
    )


def test_the_command_does_not_change_the_working_folder_of_loads(tree: Tree) -> None:
    """The command creates nothing in the folder where loads keep their state."""
    tree.add("shop", ORDERS)
    tree.give("shop", ROWS)
    tree.load("shop.orders")
    before = {file: file.stat().st_mtime_ns for file in tree.warehouse.work_folder.rglob("*")}
    build_dbt_sources(tree.root, tree.warehouse)
    assert {file: file.stat().st_mtime_ns for file in tree.warehouse.work_folder.rglob("*")} == before


def test_further_tables_are_tables_of_the_source(tree: Tree) -> None:
    """A table in `tables` is listed with the columns that it has in the warehouse."""
    tree.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.events, tables: [Pushes]}]",
        "import dlt\n\n\ndef get_rows():\n    yield dlt.mark.with_table_name([{'id': 1, 'sha': 'a'}], 'pushes')\n",
    )
    tree.load("shop.events")
    tables = tables_of(build_dbt_sources(tree.root, tree.warehouse))
    columns = [{"name": "id", "data_type": "bigint"}, {"name": "sha", "data_type": "text"}]
    assert tables["pushes"]["columns"] == columns
