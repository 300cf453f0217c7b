"""The audit trail: one row for every attempt to load a table.

`write` adds a row to the warehouse's `_load_audit` (`table`), and a line to this machine's journal (`journal`) in case
the warehouse cannot be reached. `read` returns the newest attempts. Nothing here decides about a load.
"""
