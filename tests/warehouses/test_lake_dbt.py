"""Tests that dbt builds models over a lake: in a DuckDB file next to it, which any DuckDB reads afterwards."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from data_foundation import build_dbt_assets, build_definitions
from data_foundation.warehouses.settings import build_warehouse
from tests.support.checkouts import Checkout
from tests.support.dbt_projects import write_dbt_project
from tests.support.lakes import IcebergTree, LakeTree, ParquetTree

FOUNDATION = Path(sys.executable).parent / "foundation"
PAID = "select order_id, amount, paid from marts.zz_paid order by 1"


class Repository(Checkout):
    """A repository over a lake, used as a person would."""

    def run(self, *arguments: str) -> str:
        """Runs a command of `foundation`; returns what it prints."""
        command = [str(FOUNDATION), *arguments]
        done = subprocess.run(command, cwd=self.root, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, sql: str) -> list[tuple[object, ...]]:
        """Returns the rows of a query in the file of the models, by a DuckDB that knows nothing of the lake."""
        with duckdb.connect(str(self.root / "data" / "lake_models.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def repository(table_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with a small dbt project, whose tables land in a lake."""
    settings = {"WAREHOUSE": "lake", "LAKE_URL": "lake", "LAKE_FORMAT": table_format, "DEPLOYMENT": "",
                "DLT_PROJECT_DIR": str(tmp_path), "COLUMNS": "200"}  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    repository = Repository(tmp_path)
    write_dbt_project(repository)
    if table_format == "parquet":
        repository.write("dlthub/shop/sources.yaml", NO_MERGE)
    return repository


DATA = '''
import json
from pathlib import Path


def get_orders():
    """Yields the rows that the test has written."""
    yield json.loads((Path(__file__).parent / "rows.json").read_text())
'''
NO_MERGE = """
resources:
  - {entry: data.get_orders, destination: raw.orders, write_disposition: replace, child_tables: [lines]}
  - {entry: data.get_days, destination: raw.days, write_disposition: replace}
  - {entry: data.get_double, destination: raw.doubles, data_from: raw.orders, write_disposition: replace}
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("tree_type", [IcebergTree, ParquetTree])
def test_the_file_of_the_models_shows_the_lake(tree_type: type[LakeTree], tmp_path: Path) -> None:
    """Each query sees the tables as they are then, nested ones too, and leaves no view that only it could read."""
    (tree := tree_type(tmp_path)).add("shop", NO_MERGE.partition("\n  - {entry: data.get_days")[0], DATA)
    for number in (1, 2):
        tree.write("dlthub/shop/rows.json", json.dumps([{"id": number, "lines": [{"n": 1}] * number}]))
        tree.load("shop.orders")
        with tree.warehouse.models.query() as query:
            assert query("select id, (select count(*) from raw.orders__lines) from raw.orders") == [(number, number)]
            assert query("select count(*) from information_schema.tables where table_schema = 'raw'") == [(2,)]
    with duckdb.connect(str(tmp_path / "data" / "lake_models.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_views() where not internal").fetchall() == [(0,)]
    other = replace(tree.warehouse, suffix="__anna").models
    with other.query() as query:
        assert query("select count(*) from information_schema.tables where table_schema = 'raw'") == [(0,)]


@pytest.mark.rare
@pytest.mark.parametrize("table_format", ["iceberg", "delta", "parquet"])
def test_models_read_the_lake(repository: Repository, table_format: str) -> None:
    """Tables, tests, incremental models and row counts; again after new rows, and after files were put together."""
    printed = repository.run("run", "shop", "--dbt")
    assert "marts.zz_paid" in printed
    assert repository.read(PAID) == [(1, 2.5, 5.0), (2, 4.0, 8.0)]
    assert repository.read("select count(*), sum(visits) from marts.visits") == [(5, 15)]
    # No view is left that only dbt could read.
    assert repository.read("select count(*) from information_schema.tables where table_schema = 'raw'") == [(0,)]
    data = (repository.root / "dlthub/shop/data.py").read_text()
    repository.write("dlthub/shop/data.py", data.replace('"amount": 2.5', '"amount": 3.5'))
    if table_format != "parquet":
        repository.run("run", "shop")
        repository.run("lake", "optimize")
    repository.run("run", "shop", "--dbt")
    assert repository.read(PAID) == [(1, 3.5, 7.0), (2, 4.0, 8.0)]
    with build_warehouse(repository.root).models.query() as query:
        assert query("select count(*) from raw.orders__lines") == [(2,)]


@pytest.mark.rare
@pytest.mark.parametrize("table_format", ["delta"])
def test_dbt_by_hand(repository: Repository) -> None:
    """`foundation dbt` builds one model; a table that is gone from the lake is an error of dbt, not an empty table."""
    repository.run("run", "shop")
    repository.run("dbt", "--", "build", "--select", "+visits")
    assert repository.read("select count(*) from marts.visits") == [(5,)]
    shutil.rmtree(repository.root / "lake" / "raw" / "days")
    with pytest.raises(AssertionError, match="days"):
        repository.run("dbt", "--", "build", "--select", "visits")


@pytest.mark.rare
@pytest.mark.parametrize("table_format", ["iceberg"])
def test_dagster_builds_the_models(repository: Repository) -> None:
    """The assets of the models follow those of the lake, and have row counts and columns."""
    warehouse = build_warehouse(repository.root)
    loaded = build_definitions(repository.root, warehouse)
    definitions = dg.Definitions.merge(loaded, build_dbt_assets(repository.root, warehouse, loaded))
    repository.run("run", "shop")
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["marts", "zz_paid"]), dg.AssetKey(["staging", "stg_orders"])]
    done = job.execute_in_process(asset_selection=keys, instance=dg.DagsterInstance.ephemeral())
    assert done.success
    [paid] = [event for event in done.asset_materializations_for_node("dbt_models") if event.asset_key == keys[0]]
    assert paid.metadata["dagster/row_count"].value == 2
    assert definitions.resolve_asset_graph().get(keys[1]).parent_keys == {dg.AssetKey(["raw", "orders"])}
