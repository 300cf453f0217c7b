"""What loads cost on Snowflake: the credits of the model `load_costs`, and what is read of a table after a load."""

import json
import os
import shutil
from pathlib import Path

import pytest

from data_foundation.dbt.command import build_models
from tests.snowflake.conftest import SnowflakeTree
from tests.support.snowflake_statements import statements_of

ROOT = Path(__file__).parents[2]
SHOP = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]"
ATTRIBUTION = "snowflake.account_usage.query_attribution_history"
COLUMNS = (
    "query_tag VARCHAR, start_time TIMESTAMP_LTZ, credits_attributed_compute DOUBLE, "
    "credits_used_query_acceleration DOUBLE"
)
HISTORY = (
    "CREATE DATABASE IF NOT EXISTS snowflake",
    "CREATE SCHEMA IF NOT EXISTS snowflake.account_usage",
    f"CREATE TABLE {ATTRIBUTION} ({COLUMNS})",
)


def write_project(tree: SnowflakeTree) -> None:
    """Writes a dbt project that has the model alone, and reads credits."""
    project = tree.root / "dbt_project"
    for folder in ("macros", "models/operations", "tests"):
        shutil.copytree(ROOT / "dbt_project" / folder, project / folder)
    shutil.copy(ROOT / "dbt_project" / "profiles.yml", project)
    settings = (ROOT / "dbt_project" / "dbt_project.yml").read_text()
    (project / "dbt_project.yml").write_text(settings.replace("snowflake_credits: false", "snowflake_credits: true"))


@pytest.mark.rare
@pytest.mark.usefixtures("server")
def test_credits_are_those_of_the_statements_of_a_load(tree: SnowflakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credits of the runs of this deployment are added up by source and day; those of another deployment are not."""
    write_project(tree)
    tree.add("shop", SHOP)
    tree.give("shop", [{"id": 1}, {"id": 2}])
    for number in range(2):
        tree.load("shop.orders", run_id=f"run-{number}")
    for statement in HISTORY:
        tree.account.query(statement)
    for source, run_id, used in (
        ("shop", "run-0", 0.25),
        ("shop", "run-1", 0.5),
        ("shop", "another", 9),
        (None, None, 9),
    ):
        tag = json.dumps({"asset": "raw.orders", "source": source, "run_id": run_id}) if source else "by hand"
        tree.account.query(f"INSERT INTO {ATTRIBUTION} SELECT '{tag}', CURRENT_TIMESTAMP(), {used}, NULL")
    for name in [name for name in os.environ if name.startswith(("SNOWFLAKE_", "DEPLOYMENT"))]:
        monkeypatch.delenv(name)
    for name, value in tree.warehouse.settings.items():
        monkeypatch.setenv(name, value)
    results = build_models(tree.root, tree.warehouse, select=["load_costs"])
    assert {result.state for result in results} == {"success", "pass"}
    costs = f"operations{tree.warehouse.suffix}.load_costs"
    assert tree.query(f"SELECT source, attempts, rows_loaded, credits FROM {costs}") == [("shop", 2, 4, 0.75)]


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only"])
def test_nothing_scans_the_table_after_a_load(tree: SnowflakeTree, strategy: str) -> None:
    """After the commit a load counts rows, which Snowflake knows, and joins the rows that came in by their load id."""
    mode = f"write_disposition: {{disposition: merge, strategy: {strategy}}}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, primary_key: id, {mode}}}]")
    tree.give("shop", [{"id": number} for number in range(9)])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 8}, {"id": 9}])
    statements = statements_of(tree, lambda: tree.load("shop.orders"))
    table = f'"{tree.deployed.dataset("raw").upper()}"."ORDERS"'
    reading = [sql for sql in statements[statements.index("COMMIT") + 1 :] if table in sql]
    counting, checking = reading
    assert counting.count(table) == counting.count(f"(SELECT COUNT(*) FROM {table})") == 1
    loaded = f'FROM {table} WHERE "_DLT_LOAD_ID" > '
    assert (checking.count(table), checking.count(loaded)) == (3, 2)
    assert f'FROM {table} AS "rows" JOIN (SELECT DISTINCT "ID" {loaded}' in checking
