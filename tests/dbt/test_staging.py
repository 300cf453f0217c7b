"""Tests of `foundation dbt-staging`: the models that it writes are built by dbt, and pass the tests that it writes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.dbt.reserved_words import needs_quotes
from data_foundation.dbt.sources_yaml import DBT_SOURCES_FILE, build_dbt_sources
from data_foundation.dbt.staging import StagingModel, build_staging, write_staging
from data_foundation.errors import FoundationError
from data_foundation.project.find_sources import find_sources
from data_foundation.project.repository.create import create_repository
from tests.support.trees import Tree

RESOURCES = """
resources:
  - entry: data.get_rows
    destination: raw.shop_orders
    write_disposition: merge
    primary_key: id
    child_tables: [lines]
    description: Orders of the shop.
    columns:
      id: {data_type: bigint, description: Number of the order.}
      paid_at: {data_type: timestamp}
      opened: {data_type: timestamp, timezone: false}
      email: {data_type: text, pii: hash}
  - entry: data.get_days
    destination: raw.days
    write_disposition: {disposition: merge, strategy: upsert}
    primary_key: [day, order]
  - {entry: data.get_days, destination: raw.log, write_disposition: append, primary_key: day}
  - {entry: data.get_days, destination: raw.never}
"""
DATA = """
def get_rows():
    yield {"id": 1, "paid_at": "2026-01-01T12:00:00+02:00", "opened": "2026-01-01T08:00:00", "email": "a@b.c",
           "select": "x", "lines": [{"at": "a", "orders_id": 9}, {"at": "b", "orders_id": 9}]}


def get_days():
    yield [{"day": "2026-01-01", "order": 1}, {"day": "2026-01-01", "order": 2}]
"""


@pytest.fixture
def loaded(tree: Tree) -> Tree:
    """A new repository with a source whose tables are loaded, but one."""
    create_repository(tree.root)
    tree.add("shop", RESOURCES, DATA)
    for table in ("shop_orders", "days", "log"):
        tree.load(f"shop.{table}")
    return tree


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of hashes."""
    monkeypatch.setenv("PII_HASH_KEY", "k" * 32)


def models_of(tree: Tree) -> dict[str, StagingModel]:
    """Returns the models of the source, by name."""
    [source], _ = find_sources(tree.root)
    return {model.name: model for model in build_staging(source, tree.warehouse)}


def columns_of(model: StagingModel) -> dict[str, Any]:
    """Returns the tests of each column of a model, by name."""
    return {column["name"]: column.get("data_tests") for column in model.properties["columns"]}


def test_models_follow_from_what_was_loaded(loaded: Tree) -> None:
    """A model has the loaded columns, tests of its key if the table has one row for each, and what is personal."""
    models = models_of(loaded)
    assert list(models) == ["stg_shop__orders", "stg_shop__orders_lines", "stg_shop__days", "stg_shop__log"]
    orders = models["stg_shop__orders"].properties
    assert orders["description"] == "Orders of the shop."
    assert columns_of(models["stg_shop__orders"])["id"] == ["unique", "not_null"]
    [email] = [column for column in orders["columns"] if column["name"] == "email"]
    assert email["config"] == {"meta": {"pii": True}}
    days = models["stg_shop__days"].properties
    assert days["data_tests"] == [{"unique_together": {"arguments": {"columns": ["day", "order_value"]}}}]
    assert columns_of(models["stg_shop__log"])["day"] == ["not_null"]
    lines = models["stg_shop__orders_lines"].properties
    assert lines["data_tests"] == [{"unique_together": {"arguments": {"columns": ["parent_orders_id", "list_index"]}}}]


def test_dbt_builds_the_models_and_their_tests_pass(loaded: Tree) -> None:
    """What is written is a dbt project: times are UTC, items have the key of their parent, and no row is lost."""
    written, kept = write_staging(loaded.root / "dbt_project", "shop", list(models_of(loaded).values()))
    assert (len(written), kept) == (8, [])
    (loaded.root / DBT_SOURCES_FILE).write_text(build_dbt_sources(loaded.root, loaded.warehouse))
    command = [str(Path(sys.executable).parent / "foundation"), "dbt", "--", "build"]
    done = subprocess.run(command, cwd=loaded.root, capture_output=True, text=True, check=False)
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout, done.stdout
    times = "SELECT id, cast(paid_at AS varchar), cast(opened AS varchar), select_value FROM staging.stg_shop__orders"
    assert loaded.query(times) == [(1, "2026-01-01 10:00:00", "2026-01-01 08:00:00", "x")]
    items = "SELECT parent_orders_id, list_index, orders_id, at_value FROM staging.stg_shop__orders_lines ORDER BY ALL"
    assert loaded.query(items) == [(1, 0, 9, "a"), (1, 1, 9, "b")]
    assert loaded.query("SELECT count(*) FROM staging.stg_shop__days") == [2]


@pytest.mark.rare
def test_an_item_without_its_parent_fails_a_test(loaded: Tree) -> None:
    """A join that left such items out would build a smaller model, and all its tests would pass."""
    write_staging(loaded.root / "dbt_project", "shop", list(models_of(loaded).values()))
    (loaded.root / DBT_SOURCES_FILE).write_text(build_dbt_sources(loaded.root, loaded.warehouse))
    with duckdb.connect(str(loaded.root / "data" / "warehouse.duckdb")) as connection:
        connection.sql("""UPDATE raw.shop_orders__lines SET _dlt_parent_id = 'gone' WHERE "at" = 'b'""")
    command = [
        str(Path(sys.executable).parent / "foundation"),
        "dbt",
        "--",
        "build",
        "--select",
        "stg_shop__orders_lines",
    ]
    done = subprocess.run(command, cwd=loaded.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Failure in test not_null_stg_shop__orders_lines_parent_orders_id" in done.stdout
    assert loaded.query("SELECT count(*) FROM staging.stg_shop__orders_lines") == [2]


def test_a_table_called_as_its_source_has_names_like_others(tree: Tree) -> None:
    """Its nested table is `stg_shop__shop_lines`, with the key `shop_id`."""
    create_repository(tree.root)
    tree.add("shop", RESOURCES.replace("raw.shop_orders", "raw.shop"), DATA)
    tree.load("shop.shop")
    models = models_of(tree)
    assert list(models) == ["stg_shop__shop", "stg_shop__shop_lines"]
    assert list(columns_of(models["stg_shop__shop_lines"])) == ["shop_id", "list_index", "at_value", "orders_id"]


def test_words_that_duckdb_reserves_are_quoted() -> None:
    """A keyword of DuckDB that it does not accept as a column has quotes, and an alias instead."""
    with duckdb.connect() as connection:
        words = [word for (word,) in connection.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()]
        assert [word for word in words if not needs_quotes(word) and not accepts(connection, word)] == []
    assert needs_quotes("größe")
    assert not needs_quotes("name")


def accepts(connection: duckdb.DuckDBPyConnection, word: str) -> bool:
    """Returns whether DuckDB takes a word as a column, of a table and without one, and as an alias."""
    try:
        connection.sql(f'SELECT {word} AS {word}, t.{word} FROM (SELECT 1 AS "{word}") AS t')
    except duckdb.ParserException:
        return False
    return True


def test_a_model_that_is_there_is_not_changed(loaded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes what is missing; a query or properties of a person stay, in whichever folder they are."""
    monkeypatch.chdir(loaded.root)
    mine = loaded.write("dbt_project/models/mine/stg_shop__days.sql", "select 1 as mine")
    done = CliRunner().invoke(app, ["dbt-staging", "shop"])
    assert done.exit_code == 0, done.output
    assert "kept dbt_project/models/mine/stg_shop__days.sql" in done.output
    assert mine.read_text() == "select 1 as mine"
    names = {file.name for file in (loaded.root / "dbt_project" / "models" / "staging" / "shop").iterdir()}
    assert names == {f"stg_shop__{name}.{end}" for name in ("orders", "orders_lines", "log") for end in ("sql", "yml")}
    properties = loaded.root / "dbt_project" / "models" / "staging" / "shop" / "stg_shop__log.yml"
    assert yaml.safe_load(properties.read_text())["models"][0]["name"] == "stg_shop__log"
    assert CliRunner().invoke(app, ["dbt-staging", "shp"]).exit_code == 2


def test_a_source_that_was_never_loaded_is_named(tree: Tree) -> None:
    """Without a loaded table there is nothing to generate, and the message says what to do."""
    create_repository(tree.root)
    tree.add("shop", RESOURCES, DATA)
    with pytest.raises(FoundationError, match=r"none of its tables was loaded into .*`foundation run shop` first"):
        models_of(tree)
