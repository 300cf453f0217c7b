"""dbt without Dagster: `dbt build` as a subprocess, and the generated sources.yml that the models read.

No Dagster here: the models as assets are in `orchestration.dbt_models`, and themselves in `dbt_project/`.

Begin with `command.build_models`, or with `sources_yaml.build_dbt_sources` for the columns that dbt sees; `staging`
writes models of them.
"""
