"""Delta tables of a lake: `tables` makes and undoes the commits of a load, `writing` decides what each writes.

What every format needs, such as the choice among rows with one key, is in `lake.row_changes`.
"""
