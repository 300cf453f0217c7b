"""Iceberg tables of a lake, which need the extra `iceberg`.

`catalogue` opens the catalogue, `fenced_table` makes commits that fail if the table has changed meanwhile, `columns`
changes columns in them, `tables` opens and undoes the tables of a load, and `writing` decides what each commit writes.
What every format needs, such as the choice among rows with one key, is in `lake.row_changes`.
"""
