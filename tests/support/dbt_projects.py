"""A small dbt project with every kind of model, for code locations that tests write."""

from __future__ import annotations

from pathlib import Path

from tests.support.checkouts import Checkout

ROOT = Path(__file__).parents[2]

DEFINITIONS = '''
"""A composition root with dbt models."""

from pathlib import Path

import dagster as dg

from data_foundation import build_dbt_assets, build_definitions, build_warehouse

ROOT = Path(__file__).parent
warehouse = build_warehouse(ROOT)
defs = build_definitions(ROOT, warehouse)
defs = dg.Definitions.merge(defs, build_dbt_assets(ROOT, warehouse, defs))
'''

SHOP = """
resources:
  - {entry: data.get_orders, destination: raw.orders, write_disposition: merge, primary_key: id, child_tables: [lines]}
  - entry: data.get_days
    destination: raw.days
    write_disposition: merge
    primary_key: day
    incremental: {cursor_path: day, initial_value: "2026-01-01"}
    partitions: {by: daily, start: 2026-01-01, end: 2026-01-06}
  - {entry: data.get_double, destination: raw.doubles, data_from: raw.orders, write_disposition: merge, primary_key: id}
"""

DATA = '''
"""Rows of a shop."""


def get_orders():
    """Yields orders with lines."""
    yield [{"id": 1, "amount": 2.5, "lines": [{"sku": "a"}]}, {"id": 2, "amount": 4.0, "lines": [{"sku": "b"}]}]


def get_days():
    """Yields a row for each day."""
    yield [{"day": f"2026-01-0{day}", "visits": day} for day in range(1, 6)]


def get_double(orders):
    """Yields twice the amount of each order."""
    yield [{"id": order["id"], "amount": 2 * order["amount"]} for order in orders]
'''

PROJECT = """
name: shop
profile: data_foundation
model-paths: [models]
seed-paths: [seeds]
on-run-end: ["select 1"]
models: {shop: {staging: {+schema: staging, +materialized: view}, marts: {+schema: marts, +materialized: table}}}
seeds: {shop: {+schema: marts}}
"""

SOURCES = "sources: [{name: raw, tables: [{name: orders}, {name: orders__lines}, {name: days}, {name: doubles}]}]\n"

MODELS = {
    "staging/stg_orders": "select id as order_id, amount, 'shop' as origin from {{ source('raw', 'orders') }}",
    # Its name sorts before the model that it reads.
    "marts/all_amounts": "select order_id, amount * 2 as twice, count(*) over () as orders from {{ ref('zz_paid') }}",
    "marts/zz_paid": "select o.order_id, o.amount, d.amount as paid from {{ ref('stg_orders') }} o "
    "join {{ ref('doubles') }} d on d.id = o.order_id",
    "staging/doubles": "{{ config(materialized='ephemeral') }} select * from {{ source('raw', 'doubles') }}",
    "marts/visits": "{{ config(materialized='incremental', unique_key='day') }} select day, visits from "
    "{{ source('raw', 'days') }}{% if is_incremental() %} where day >= (select max(day) from {{ this }}){% endif %}",
}

DESCRIPTIONS = """
models:
  - name: zz_paid
    columns:
      - {name: order_id, description: The order., data_tests: [not_null, unique]}
      - {name: amount, data_tests: [{accepted_values: {values: [1], config: {severity: warn}}}]}
"""


def write_dbt_project(checkout: Checkout) -> None:
    """Writes a source with a partitioned table and a transformer, and models of each materialization with tests."""
    checkout.write_source("shop", SHOP, DATA)
    checkout.write("definitions.py", DEFINITIONS)
    checkout.write("dbt_project/dbt_project.yml", PROJECT)
    checkout.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    for macro in (ROOT / "dbt_project" / "macros").glob("*.sql"):
        checkout.write(f"dbt_project/macros/{macro.name}", macro.read_bytes())
    checkout.write("dbt_project/models/raw.yml", SOURCES)
    checkout.write("dbt_project/models/models.yml", DESCRIPTIONS)
    checkout.write("dbt_project/seeds/countries.csv", "code,name\nNL,Netherlands\n")
    for name, sql in MODELS.items():
        checkout.write(f"dbt_project/models/{name}.sql", f"{sql}\n")
