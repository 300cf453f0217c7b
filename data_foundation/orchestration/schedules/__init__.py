"""The schedules of tables with a cron: `schedule` builds them and their runs, `due` finds the partitions of a tick.

Conditions by name, and those of dbt models, are in `orchestration.automation`.
"""
