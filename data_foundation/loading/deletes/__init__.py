"""Rows that the source has deleted: compares the keys of the source with those of the table, and builds the statements.

`key_table` knows the table before the load, `comparison` compares both sets of keys in a DuckDB file, `deleted_rows`
decides what the load does with the difference. A reader hands its keys over as `readers.deleted_rows.SourceKeys`.
"""
