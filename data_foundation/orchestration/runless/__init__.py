"""Records loads and dbt builds that ran outside Dagster in its event log, for `foundation run --record`.

No load and no build is started here. Begin with `events.record`.
"""
