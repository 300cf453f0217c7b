"""The engines that tables land in, and the settings that choose one.

`base` is what the rest of the project knows of a warehouse; `settings` reads the environment and builds one. Each
engine has a folder: its `warehouse` checks settings and opens connections, its `destination` is dlt's own with loads
that take effect as a whole. `transactional_destination` and `one_load` hold what the destinations share.

Not in here: Dagster, sources, and the decision what a load does to a table, which is made in `loading`. Begin with
`base`, then read `duckdb/`, the smallest engine.
"""
