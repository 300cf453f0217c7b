"""The range of one run: a partition, `start` and `end`, or from the cursor to now.

`load_range` finds it and passes it to the entry; `range_delete` makes the statements that delete a range's rows before
they are appended again. Nothing here reads or writes a row.
"""
