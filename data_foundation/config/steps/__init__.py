"""The steps that rows pass between their entry and the table: `processing_steps.py` has the grammar of the key.

`row_condition.py` compiles the conditions of `where`, and `compared_values.py` compares values as SQL does. How rows
are filtered, renamed and mapped belongs to `rows/`, and how functions are imported to `project/`.
"""
