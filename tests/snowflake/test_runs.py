"""Tests of production: Dagster runs in processes of their own load into Snowflake, and dbt builds models."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.snowflake.conftest import Account
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
DAGSTER = str(Path(sys.executable).parent / "dagster")

SOURCES_YAML = """
source: {max_concurrency: 8}
resources:
  - entry: data.get_rows
    destination: raw.appended
    write_disposition: append
    primary_key: id
    incremental: {cursor_path: at}
  - {entry: data.get_rows, destination: raw.replaced, write_disposition: replace}
  - {entry: data.get_rows, destination: raw.merged, write_disposition: merge, primary_key: id, child_tables: [tags]}
  - entry: data.get_rows
    destination: raw.upserted
    write_disposition: {disposition: merge, strategy: upsert}
    primary_key: id
  - entry: data.get_rows
    destination: raw.inserted
    write_disposition: {disposition: merge, strategy: insert-only}
    primary_key: id
  - {entry: data.get_states, destination: raw.history, write_disposition: {disposition: merge, strategy: scd2}}
  - {entry: data.get_arrow, destination: raw.arrow, write_disposition: append}
"""
DATA = '''
import json
from pathlib import Path

import dlt
import pyarrow as pa


def _rows():
    return json.loads((Path(__file__).parent / "rows.json").read_text())


def get_rows():
    """The rows that the test wrote last."""
    yield _rows()


def get_states():
    """The same rows without child rows."""
    yield [{"id": row["id"], "state": row["state"]} for row in _rows()]


def get_arrow():
    """The same rows as an Arrow table."""
    yield pa.Table.from_pylist([{"id": row["id"], "state": row["state"]} for row in _rows()])
'''
FIRST = [
    {"id": 1, "at": "2024-01-01T00:00:00Z", "state": "new", "tags": [{"name": "a"}, {"name": "b"}]},
    {"id": 2, "at": "2024-01-02T00:00:00Z", "state": "new", "tags": []},
]
SECOND = [
    {"id": 2, "at": "2024-01-02T00:00:00Z", "state": "paid", "tags": [{"name": "c"}], "note": "late"},
    {"id": 3, "at": "2024-01-03T00:00:00Z", "state": "new", "tags": [{"name": "d"}], "note": "new"},
]
DBT: Mapping[str, str] = {
    "dbt_project.yml": """
        name: shop
        profile: data_foundation
        macro-paths: [macros]
        flags: {send_anonymous_usage_stats: false}
        models: {shop: {+schema: marts}}
        snapshots: {shop: {+schema: marts}}
    """,
    "models/raw.yml": """
        sources:
          - name: raw
            schema: "raw{{ env_var('DBT_SCHEMA_SUFFIX', '') }}"
            tables: [{name: merged}]
        models:
          - name: orders
            columns: [{name: id, data_tests: [unique, not_null]}]
    """,
    "models/orders.sql": "select id, state, at from {{ source('raw', 'merged') }}",
    "models/orders_merged.sql": """
        {{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}
        select id, state from {{ source('raw', 'merged') }}
        {% if is_incremental() %} where id > (select min(id) from {{ this }}) {% endif %}
    """,
    "snapshots/orders_history.sql": """
        {% snapshot orders_history %}
        {{ config(unique_key='id', strategy='check', check_cols=['state']) }}
        select id, state from {{ ref('orders') }}
        {% endsnapshot %}
    """,
}


def set_up(location: Location) -> None:
    """Writes a source with a table for every write disposition, a dbt project, and this repository's definitions.py."""
    location.add("shop", SOURCES_YAML, DATA)
    for path, text in DBT.items():
        location.write(f"dbt_project/{path}", text)
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    schema = "dbt_project/macros/generate_schema_name.sql"
    location.write(schema, (ROOT / schema).read_bytes())
    location.write("definitions.py", (ROOT / "definitions.py").read_bytes())
    location.write("home/dagster.yaml", "telemetry: {enabled: false}")


def start(location: Location, *selections: str) -> list[subprocess.Popen[str]]:
    """Starts a Dagster run for each selection, all at once."""
    environment = {**os.environ, "DAGSTER_HOME": str(location.root / "home"), "PYTHONPATH": str(ROOT)}
    command = [DAGSTER, "asset", "materialize", "-f", "definitions.py", "--select"]
    return [
        subprocess.Popen(
            [*command, selection], cwd=location.root, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for selection in selections
    ]  # fmt: skip


def run(location: Location, rows: Sequence[Mapping[str, Any]], *selections: str) -> str:
    """Runs selections in parallel, all of which must succeed; returns their output."""
    location.write("dlthub/shop/rows.json", json.dumps(rows))
    outputs = []
    for process in start(location, *selections):
        outputs.append(process.communicate(timeout=200)[0])
        assert process.returncode == 0, outputs[-1][-6000:]
    return "\n".join(outputs)


@pytest.mark.rare
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("snowflake runs")
def test_every_disposition_is_loaded_and_dbt_builds_on_it(
    location: Location, account: Account, deployment: Mapping[str, str]
) -> None:
    """Two days of every write disposition, the second on an empty disk and in two runs at once; then the models."""
    set_up(location)
    suffix = f"__{deployment['DEPLOYMENT_USER']}"

    def query(sql: str) -> list[tuple[Any, ...]]:
        return account.query(sql.replace("{raw}", f"raw{suffix}").replace("{marts}", f"marts{suffix}"))

    run(location, FIRST, "*")
    assert query("select id, state from {raw}.replaced order by 1") == [(1, "new"), (2, "new")]
    assert query("select id, state from {marts}.orders order by 1") == [(1, "new"), (2, "new")]
    shutil.rmtree(location.root / "data")
    every_table = "group:shop and not key:raw/merged and not key:raw/merged__tags"
    run(location, SECOND, every_table, "key:raw/merged or key:raw/merged__tags or group:default or key:marts/*")
    # The cursor was restored from the warehouse, so the row of January 2 was not loaded twice.
    assert query("select id, state from {raw}.appended order by 1") == [(1, "new"), (2, "new"), (3, "new")]
    assert query("select id, state, note from {raw}.replaced order by 1") == [(2, "paid", "late"), (3, "new", "new")]
    merged = [(1, "new", None), (2, "paid", "late"), (3, "new", "new")]
    assert query("select id, state, note from {raw}.merged order by 1") == merged
    assert query("select id, state, note from {raw}.upserted order by 1") == merged
    assert query("select id, state from {raw}.inserted order by 1") == [(1, "new"), (2, "new"), (3, "new")]
    tags = "select o.id, t.name from {raw}.{0} o join {raw}.{0}__tags t on t._dlt_parent_id = o._dlt_id order by 1, 2"
    assert query(tags.replace("{0}", "merged")) == [(1, "a"), (1, "b"), (2, "c"), (3, "d")]
    assert query(tags.replace("{0}", "upserted")) == [(1, "a"), (1, "b"), (2, "c"), (3, "d")]
    assert query(tags.replace("{0}", "replaced")) == [(2, "c"), (3, "d")]
    history = "select id, state, _dlt_valid_to is null from {raw}.history order by 1, 3"
    assert query(history) == [(1, "new", False), (2, "new", False), (2, "paid", True), (3, "new", True)]
    assert query("select count(*), count(distinct id) from {raw}.arrow") == [(4, 3)]
    assert query("select id, state from {marts}.orders order by 1") == [(1, "new"), (2, "paid"), (3, "new")]
    assert query("select id, state from {marts}.orders_merged order by 1") == [(1, "new"), (2, "paid"), (3, "new")]
    snapshot = "select id, state, dbt_valid_to is null from {marts}.orders_history order by 1, 3"
    assert query(snapshot) == [(1, "new", True), (2, "new", False), (2, "paid", True), (3, "new", True)]
    assert query("select status, count(*) from {raw}._load_audit group by 1") == [("loaded", 14)]
    logs = [file.read_text() for file in location.root.glob("dbt_project/target/*/*/run-*/dbt.log")]
    assert ["no changes found, skipping parsing" in log for log in logs] == [True, True]
