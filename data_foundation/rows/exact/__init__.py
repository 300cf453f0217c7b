"""Checks that every value is loaded exactly as it was yielded, or refuses it with resource, column and row named.

`schema_preview` predicts the schema that dlt will infer, `row_shape` the tables and columns that keys become.
`row_validator` checks dicts, `arrow_validator` frames; `column_rules` and `value_rules` decide about single values.
"""
