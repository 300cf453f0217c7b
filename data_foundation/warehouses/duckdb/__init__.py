"""DuckDB as warehouse: one file that one process at a time can open.

`warehouse` opens it, `file` decides which thread or process is next, `destination` makes a load one transaction, and
`bounded_copy` limits the memory of a copy. `shared_session` executes the statements of a load, of DuckLake's too.
`utc_session` is used wherever the project opens a DuckDB.
"""
