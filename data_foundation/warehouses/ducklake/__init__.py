"""DuckLake as warehouse: parquet files in a folder or in S3, and a catalogue of them in SQLite or PostgreSQL.

`warehouse` checks the settings; `place` turns them into the statements that attach the lake, `extensions` finds what
DuckDB needs for it, and `dbt_profile` hands both to dbt. `attached` gives each load a DuckDB of its own, `locks`
decides which load is next, and `destination` makes a load one transaction. Begin with `destination`: it explains why
that holds on several machines.
"""
