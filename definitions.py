"""The code location: every source under `dlthub/`, and the dbt models that read what they land."""

from pathlib import Path

import dagster as dg

from data_foundation import build_dbt_assets, build_definitions, build_warehouse

ROOT = Path(__file__).parent

warehouse = build_warehouse(ROOT)
defs = build_definitions(ROOT, warehouse)
# The same name again: Dagster refuses a file with two definitions.
defs = dg.Definitions.merge(defs, build_dbt_assets(ROOT, warehouse, defs))
