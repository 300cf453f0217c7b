"""The part of the rows that one run loads: a partition, `start` and `end`, from the cursor to now, or a sample.

`load_range` finds it and passes it to the entry; `range_delete` makes the statements that delete a range's rows before
they are appended again; `sample` has samples land beside their tables. `former_cursors` ends cursors that a resource
has no more, and `first_rows` compares the first rows of another one with those that they replace. Nothing here writes a
row.
"""
