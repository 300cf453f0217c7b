"""The audit trail: one row for every attempt to load a table.

`write` adds a row to the warehouse's `_load_audit` (`table`), and a line to this machine's journal (`journal`) in case
the warehouse cannot be reached. `starts` has a row for each load that has not ended, by which any machine records the
killed ones. `read` returns the newest attempts, `in_time` limits how long it waits. Nothing here decides about a load.
"""
