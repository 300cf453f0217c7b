"""`WAREHOUSE=databricks`: dlt's own destination, with names of three parts in a Unity catalogue, and dbt.

`warehouse` names dlt's settings and hands them to dbt. Everything else is the general engine's, and no account has run
it: see `warehouses.promises`.
"""
