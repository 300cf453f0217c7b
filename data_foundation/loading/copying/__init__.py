"""Copies a table from one warehouse to another: its rows, its nested tables, dlt's state and the audit trail.

`copy_table` is the whole of it; `table_pages` reads a table in pages of exact values, and sums their digests, by which
the two tables are compared. The copy is a table that no load knows until both are equal, then it is adopted.
"""
