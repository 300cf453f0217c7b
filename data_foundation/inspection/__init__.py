"""What is in the warehouse, and what the next run would do: rows, tables, the history of schemas; nothing is written.

`select` runs one SELECT, `tables` finds a table by its name, `schema_history` reads the versions of a schema that dlt
has stored, `plan` compares the configuration with the newest, and `losses` finds the rows that a run would lose.
Printing is left to `cli`, loading to `loading`. Begin with `select`.
"""
