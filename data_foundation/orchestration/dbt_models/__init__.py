"""The dbt models as assets of Dagster.

`manifest` finds or parses dbt's manifest, `assets` builds the assets from it and runs dbt, `metadata` describes what a
build has finished. `deferred_dbt_core` keeps dbt-core out of processes that do not run dbt.
"""

from data_foundation.orchestration.dbt_models.deferred_dbt_core import without_dbt_core

# The modules of this room import dagster-dbt, which imports dbt-core unless it is not found at that moment.
with without_dbt_core():
    import dagster_dbt  # noqa: F401
