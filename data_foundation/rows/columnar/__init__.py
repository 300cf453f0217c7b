"""Converts pages of dicts and JSON to Arrow tables with the tables, types and ids that dlt would give them.

`column_split` splits rows into columns, `json_reader` has Arrow read them from JSON, `rows_as_json` writes plain rows
as such JSON; `converter` makes the tables, with `arrow_conversions` for the values and `row_ids` for the ids. dlt's
inner workings were read in dlt 1.31.0; tests/promises/test_columnar.py compares with dlt's own path.
"""
