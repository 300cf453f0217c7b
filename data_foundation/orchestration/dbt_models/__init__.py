"""The dbt models as assets of Dagster.

`assets` builds them and runs dbt; `metadata` describes what a build has finished.
"""
