"""The dbt models as assets of Dagster.

`manifest` finds or parses dbt's manifest, `assets` builds the assets from it and runs dbt, `metadata` describes what a
build has finished.
"""
